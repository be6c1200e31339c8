// The process's signals, for fibers.
//
//     ramie::signals asked_to_end{SIGINT, SIGTERM};
//     ramie::select(ramie::on_accept(listener, serve), ramie::on_signal(asked_to_end, [&](int number) { ... }));
#pragma once

#include <ramie/detail/process/signal_listener.hpp>
#include <ramie/select.hpp>

#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace ramie {

// Listens to some signals as long as it lives. Meanwhile the process's own reaction to them (die, ignore, call a
// handler) is replaced; it comes back when the last listener to a signal has gone. Any number of listeners, in any
// number of runtimes and outside: each of them gets every signal.
//
// If a signal comes again before it was taken, the two count as one: next() says that it came, not how often. It
// arrives however busy the workers are, and also if every other thread blocks it. While there is a listener, one thread
// does nothing but wait for signals.
//
// Move-only. next() and select are for one fiber or thread at a time; from both kinds.
class signals {
  public:
    // std::invalid_argument if the list is empty, or has a number that is no signal, or SIGKILL, SIGSTOP, SIGSEGV,
    // SIGBUS, SIGFPE, SIGILL, which cannot be listened to; std::system_error if no thread can be started.
    signals(std::initializer_list<int> which);

    // Waits for the next signal; returns its number. An abort or a timeout loses none. Suspension point.
    [[nodiscard]] int next();
    // Does not wait.
    [[nodiscard]] std::optional<int> try_next();

    // For select. std::logic_error if moved from.
    detail::signal_listener& listener() const;

  private:
    std::unique_ptr<detail::signal_listener> listener_;
};

// Waits for the next SIGINT, which Ctrl-C in a terminal sends. Before and after the call a SIGINT does what it always
// does, so a second Ctrl-C ends a program that takes too long to end. Suspension point.
void ctrl_c();

namespace detail {

template <class Handler>
class signal_case : public queued_case {
  public:
    signal_case(signals& from, Handler handler) : from_(from.listener()), handler_(std::move(handler)) {}

    bool poll() {
        std::lock_guard const held(signal_listener::lock());
        number_ = from_.take();
        return number_ != 0;
    }
    enlisting enlist(waiter& self, std::uint64_t g) {
        std::lock_guard const held(signal_listener::lock());
        if (from_.has_come()) return claim_for_itself(self, g) ? enlisting::won : enlisting::lost;
        queue_in(from_.waiting, self, g, nullptr);
        return enlisting::queued;
    }
    bool withdraw() noexcept { return leave(from_.waiting, signal_listener::lock()); }
    bool confirm() { return poll(); }
    void complete() { handler_(number_); }

  private:
    signal_listener& from_;
    Handler handler_;
    int number_ = 0;
};

}  // namespace detail

// Ready when one of the signals has come; the signal is then taken. If another case of the select wins, no signal is
// taken.
// handler(int number).
template <class Handler>
auto on_signal(signals& from, Handler handler) {
    return detail::signal_case<Handler>(from, std::move(handler));
}

}  // namespace ramie
