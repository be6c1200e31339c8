#include "dump/signal_dumps.hpp"

#include "settings/dump_signal.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace ramie::detail::signal_dumps {

namespace {

using signal_set = std::uint64_t;
constexpr int most_signals = 64;
constexpr signal_set bit_of(int number) noexcept { return signal_set{1} << (number - 1); }
constexpr std::size_t index_of(int number) noexcept { return static_cast<std::size_t>(number - 1); }

template <class F>
void for_each_signal(signal_set set, F&& f) {
    for (; set != 0; set &= set - 1) f(std::countr_zero(set) + 1);
}

// Used by the handler, so they have no constructor.
constinit atomic<signal_set> taken{0};  // the signals that have our handler
constinit atomic<signal_set> noted{0};
constinit atomic<std::uint32_t> bell{0};
constinit std::array<struct sigaction, most_signals> before{};  // what each did, once it was taken

// --- the handler ---

bool is_ignored(struct sigaction const& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

// After the last runtime's end, if somebody has put our handler back since; and in a child of the process.
void do_what_it_did(int number) noexcept {
    if (is_ignored(before[index_of(number)])) return;
    ::signal(number, SIG_DFL);
    ::raise(number);  // it is blocked until the handler returns
}

void handle(int number) {
    int const interrupted = errno;
    if ((taken.load(std::memory_order_relaxed) & bit_of(number)) != 0 && home_process::is_surely_here()) {
        noted.fetch_or(bit_of(number), std::memory_order_relaxed);
        ring();
    } else {
        do_what_it_did(number);
    }
    errno = interrupted;
}

bool has_our_handler(struct sigaction const& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == handle;
}

// If another handler has been installed since, that one stays.
void hand_back(int number) noexcept {
    struct sigaction now {};
    if (::sigaction(number, nullptr, &now) == 0 && has_our_handler(now))
        ::sigaction(number, &before[index_of(number)], nullptr);
}

// In a child, which has no thread for them.
void forget_signals() noexcept {
    for_each_signal(taken.exchange(0, std::memory_order_relaxed), hand_back);
    noted.store(0, std::memory_order_relaxed);
}
home_process::child_watcher const forgets_signals(forget_signals, forget_signals);

}  // namespace

void ring() noexcept {
    // release pairs with the acquire in rung(): once the ring is seen, so is what was noted before it.
    bell.fetch_add(1, std::memory_order_release);
    futex_wake(bell);
}

std::uint32_t rung() noexcept { return bell.load(std::memory_order_acquire); }
bool wait(std::uint32_t rung, time_point until) noexcept { return futex_wait(bell, rung, until); }
bool has_come() noexcept { return noted.exchange(0, std::memory_order_relaxed) != 0; }

void follow_mask() noexcept {
    sigset_t blocked;
    ::sigfillset(&blocked);
    for_each_signal(taken.load(std::memory_order_relaxed), [&](int number) { ::sigdelset(&blocked, number); });
    ::pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
}

bool is_taken(int number) noexcept { return (taken.load(std::memory_order_relaxed) & bit_of(number)) != 0; }

bool take(int number, bool asked_for) {
    struct sigaction present {};
    ::sigaction(number, nullptr, &present);
    bool const is_free = (present.sa_flags & SA_SIGINFO) == 0 && present.sa_handler == SIG_DFL;
    bool const is_back = has_our_handler(present);  // see do_what_it_did
    if (!is_free && !is_back && !(asked_for && is_ignored(present))) {
        if (asked_for)
            std::fprintf(stderr,
                         "ramie: dump_on is %s, but this program has a handler of its own for that. It stays, and that "
                         "signal asks for no dumps\n",
                         name_of_signal(number).c_str());
        return false;
    }
    if (!is_back) before[index_of(number)] = present;
    taken.fetch_or(bit_of(number), std::memory_order_relaxed);  // before it can come
    struct sigaction ours {};
    ours.sa_handler = handle;
    ours.sa_flags = SA_RESTART | SA_ONSTACK;  // fibers' stacks are small
    ::sigemptyset(&ours.sa_mask);
    ::sigaction(number, &ours, nullptr);
    ring();  // the thread has to unblock it
    return true;
}

void leave(int number) noexcept {
    hand_back(number);
    taken.fetch_and(~bit_of(number), std::memory_order_relaxed);
}

}  // namespace ramie::detail::signal_dumps
