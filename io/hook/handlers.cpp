// Signal handlers. From the start of the first runtime on, the kernel knows a handler of the program's under one of our own
// names, which calls the program's and then tells libramie that a handler has run (posix/main_fiber.hpp says what for). Until then,
// and in programs without a runtime, nothing is changed.
//
// What the kernel does with a handler (the mask, SA_NODEFER, SA_RESETHAND, SA_ONSTACK, the siginfo and the context) is as the
// program has asked for it, since all flags are passed on; only SA_SIGINFO is always set, because we must know who sent the signal.
// sigaction() gives back what the program gave.
//
//   a slot     for each signal, a few of our own functions (ways), each with the program's handler for which it stands
//   setting    (1) takes the slot's lock with all signals blocked, (2) writes the handler to the way after the last one,
//              (3) gives the kernel that way's function. So which handler runs with which mask and flags is decided by the kernel in
//              one step, also if a signal comes in between: a way that may be running is written again only `ways` settings later
//   a signal   reads its own way. No lock
//   asking     asks the kernel, and looks up the way it names. No lock
// SIG_DFL and SIG_IGN are the kernel's alone. A child of vfork(), which shares the slots but not the kernel's table, sets handlers
// as they are. The lock's word is the holder's process, so that a child of fork() does not wait for a holder that it does not have.
//
// Signals that a thread causes by itself (a wrong access, a write to a closed pipe) are left alone: they are that thread's.
#include "hook_state.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <signal.h>
#include <unistd.h>

namespace ramie::hook {

namespace {

constexpr int most_signals = 64;
constexpr unsigned ways = 4;

struct way {
    std::atomic<void*> handler{nullptr};
    std::atomic<int> flags{0};
};
struct slot {
    std::array<way, ways> all;
    std::atomic<unsigned> last{0};
    std::atomic<pid_t> holder{0};
};
constinit std::array<slot, most_signals + 1> slots;

// Signals for which siginterrupt() was called: signal() then sets no SA_RESTART. (libc has such a set of its own.)
constinit std::array<std::atomic<bool>, most_signals + 1> ends_calls{};

constexpr bool is_of_one_thread(int number) noexcept {
    switch (number) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP:
    case SIGSYS:
    case SIGABRT:
    case SIGPIPE:
    case SIGXFSZ: return true;
    default: return false;
    }
}

void call(way const& mine, int number, siginfo_t* about, void* context) {
    handler_note const here(__builtin_frame_address(0));
    // acquire pairs with the release in give_way().
    auto* const handler = mine.handler.load(std::memory_order_acquire);
    if ((mine.flags.load(std::memory_order_relaxed) & SA_SIGINFO) != 0)
        reinterpret_cast<void (*)(int, siginfo_t*, void*)>(handler)(number, about, context);
    else reinterpret_cast<void (*)(int)>(handler)(number);
}

// What the kernel calls. If the program's handler does not return (siglongjmp), it has interrupted nothing.
template <std::size_t I>
void trampoline(int number, siginfo_t* about, void* context) {
    auto const& mine = slots[static_cast<std::size_t>(number)].all[I];
    auto* const handler = mine.handler.load(std::memory_order_relaxed);
    bool const restarts = (mine.flags.load(std::memory_order_relaxed) & SA_RESTART) != 0;
    bool const by_kill_of_thread = about->si_code == SI_TKILL;
    call(mine, number, about, context);
    if (auto const* const calls = introduced()) {
        int const error = errno;
        calls->handler_ran(handler, by_kill_of_thread, restarts);
        errno = error;
    }
}
constexpr auto trampolines = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{trampoline<I>...};
}(std::make_index_sequence<ways>{});

// The way whose function that is; null: none of ours.
way* way_of(slot& s, struct sigaction const& action) noexcept {
    for (std::size_t i = 0; i < ways; ++i)
        if (action.sa_sigaction == trampolines[i]) return &s.all[i];
    return nullptr;
}

bool is_function(struct sigaction const& action) noexcept {
    return action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN && action.sa_handler != SIG_ERR;
}

class slot_lock {
  public:
    explicit slot_lock(slot& s) noexcept : slot_(s) {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
        auto const me = ::getpid();
        // acquire pairs with the release below.
        for (pid_t free = 0; !slot_.holder.compare_exchange_weak(free, me, std::memory_order_acquire, std::memory_order_relaxed);)
            if (free == me) free = 0, (void)real().sched_yield();
    }
    slot_lock(slot_lock const&) = delete;
    slot_lock& operator=(slot_lock const&) = delete;
    ~slot_lock() {
        slot_.holder.store(0, std::memory_order_release);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

  private:
    slot& slot_;
    sigset_t before_;
};

// The action as the kernel gets it. With the slot's lock.
struct sigaction give_way(slot& s, struct sigaction action) noexcept {
    auto const next = (s.last.load(std::memory_order_relaxed) + 1) % ways;
    s.last.store(next, std::memory_order_relaxed);
    auto& mine = s.all[next];
    mine.flags.store(action.sa_flags, std::memory_order_relaxed);
    mine.handler.store(reinterpret_cast<void*>(action.sa_sigaction), std::memory_order_release);  // pairs with call()
    action.sa_sigaction = trampolines[next];
    action.sa_flags |= SA_SIGINFO;
    return action;
}

// The action as the program gave it.
void give_back(slot& s, struct sigaction& action) noexcept {
    auto* const mine = way_of(s, action);
    if (mine == nullptr) return;
    if ((mine->flags.load(std::memory_order_relaxed) & SA_SIGINFO) == 0) action.sa_flags &= ~SA_SIGINFO;
    auto* const handler = mine->handler.load(std::memory_order_acquire);
    action.sa_sigaction = reinterpret_cast<void (*)(int, siginfo_t*, void*)>(handler);
}

int set_action(int number, struct sigaction const* wanted, struct sigaction* before) noexcept {
    if (number < 1 || number > most_signals || is_of_one_thread(number) || installed() == nullptr)
        return real().sigaction(number, wanted, before);
    auto& s = slots[static_cast<std::size_t>(number)];
    struct sigaction old {};
    auto const result = [&] {
        if (wanted == nullptr || !is_function(*wanted) || this_thread.is_lent || way_of(s, *wanted) != nullptr)
            return real().sigaction(number, wanted, &old);
        slot_lock const held(s);
        auto const ours = give_way(s, *wanted);
        return real().sigaction(number, &ours, &old);
    }();
    if (result != 0 || before == nullptr) return result;
    give_back(s, old);
    *before = old;
    return 0;
}

using plain_handler = void (*)(int);

plain_handler set_handler(int number, plain_handler handler, int flags, bool blocks_itself) noexcept {
    struct sigaction wanted {}, before {};
    wanted.sa_handler = handler;
    wanted.sa_flags = flags;
    ::sigemptyset(&wanted.sa_mask);
    if (blocks_itself) ::sigaddset(&wanted.sa_mask, number);
    return set_action(number, &wanted, &before) == 0 ? before.sa_handler : SIG_ERR;
}

plain_handler set_as_bsd(int number, plain_handler handler) noexcept {
    if (handler == SIG_ERR || number < 1 || number > most_signals) {
        errno = EINVAL;
        return SIG_ERR;
    }
    bool const ends = ends_calls[static_cast<std::size_t>(number)].load(std::memory_order_relaxed);
    return set_handler(number, handler, ends ? 0 : SA_RESTART, true);
}

plain_handler set_as_system_v(int number, plain_handler handler) noexcept {
    if (handler == SIG_ERR || number < 1 || number > most_signals) {
        errno = EINVAL;
        return SIG_ERR;
    }
    return set_handler(number, handler, static_cast<int>(SA_RESETHAND) | SA_NODEFER, false);
}

}  // namespace

void take_over_handlers() noexcept {
    for (int number = 1; number <= most_signals; ++number) {
        struct sigaction now {};
        if (is_of_one_thread(number) || real().sigaction(number, nullptr, &now) != 0 || !is_function(now)) continue;
        (void)set_action(number, &now, nullptr);
    }
}

}  // namespace ramie::hook

using namespace ramie::hook;

RAMIE_EXPORTED int sigaction(int number, struct sigaction const* wanted, struct sigaction* before) noexcept {
    return set_action(number, wanted, before);
}
RAMIE_EXPORTED int __sigaction(int number, struct sigaction const* wanted, struct sigaction* before) noexcept {
    return set_action(number, wanted, before);
}
RAMIE_EXPORTED plain_handler signal(int number, plain_handler handler) noexcept { return set_as_bsd(number, handler); }
RAMIE_EXPORTED plain_handler bsd_signal(int number, plain_handler handler) noexcept { return set_as_bsd(number, handler); }
RAMIE_EXPORTED plain_handler ssignal(int number, plain_handler handler) noexcept { return set_as_bsd(number, handler); }
RAMIE_EXPORTED plain_handler sysv_signal(int number, plain_handler handler) noexcept { return set_as_system_v(number, handler); }
RAMIE_EXPORTED plain_handler __sysv_signal(int number, plain_handler handler) noexcept { return set_as_system_v(number, handler); }

RAMIE_EXPORTED int siginterrupt(int number, int ends) noexcept {
    struct sigaction now {};
    if (set_action(number, nullptr, &now) != 0) return -1;
    ends_calls[static_cast<std::size_t>(number)].store(ends != 0, std::memory_order_relaxed);
    now.sa_flags = ends != 0 ? now.sa_flags & ~SA_RESTART : now.sa_flags | SA_RESTART;
    return set_action(number, &now, nullptr);
}

RAMIE_EXPORTED plain_handler sigset(int number, plain_handler handler) noexcept {
    sigset_t it, before;
    ::sigemptyset(&it);
    if (::sigaddset(&it, number) != 0) return SIG_ERR;
    struct sigaction now {};
    if (handler == SIG_HOLD) {
        if (::pthread_sigmask(SIG_BLOCK, &it, &before) != 0 || set_action(number, nullptr, &now) != 0) return SIG_ERR;
    } else {
        now.sa_handler = set_handler(number, handler, 0, false);
        if (now.sa_handler == SIG_ERR || ::pthread_sigmask(SIG_UNBLOCK, &it, &before) != 0) return SIG_ERR;
    }
    return ::sigismember(&before, number) == 1 ? SIG_HOLD : now.sa_handler;
}
