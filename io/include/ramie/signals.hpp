// The process's signals, for fibers.
//
//     ramie::signals asked_to_end{SIGINT, SIGTERM};
//     ramie::select(ramie::on_accept(listener, serve), ramie::on_signal(asked_to_end, [&](int number) { ... }));
#pragma once

#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/process/signal_listener.hpp>
#include <ramie/detail/wait/want.hpp>

#include <initializer_list>
#include <memory>
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
    RAMIE_API signals(std::initializer_list<int> which);

    // Waits for the next signal; returns its number. An abort or a timeout loses none. Suspension point.
    [[nodiscard]] RAMIE_API int next();
    // Does not wait.
    [[nodiscard]] RAMIE_API std::optional<int> try_next();

  private:
    friend detail::access;
    // std::logic_error if moved from.
    RAMIE_API detail::signal_listener& listener() const;

    std::unique_ptr<detail::signal_listener> listener_;
};

// Waits for the next SIGINT, which Ctrl-C in a terminal sends. Before and after the call a SIGINT does what it always
// does, so a second Ctrl-C ends a program that takes too long to end. Suspension point.
RAMIE_API void ctrl_c();

namespace detail {

class next_signal : public want {
  public:
    static constexpr bool looks_again = true;
    explicit next_signal(signals& from) : from_(access::listener(from)) {}
    static word_lock& lock() noexcept { return signal_listener::lock(); }
    wait_queue& queue() noexcept { return from_.waiting; }
    bool poll() const noexcept { return from_.has_come(); }
    void take(woken_list&) noexcept { number_ = from_.take(); }
    int result() const noexcept { return number_; }

  private:
    signal_listener& from_;
    int number_ = 0;
};

}  // namespace detail

// A case of a select (<ramie/select.hpp>): ready when one of the signals has come; the signal is then taken. If another
// case of the select wins, no signal is taken.
// handler(int number).
template <class Handler>
auto on_signal(signals& from, Handler handler) {
    return detail::want_case(detail::next_signal(from), std::move(handler));
}

}  // namespace ramie
