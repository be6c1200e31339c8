#include <ramie/detail/sight/thread_question.hpp>

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/wait/futex.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>

#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

namespace ramie::detail {

stack_use stack_use::of(stack const& s, std::uintptr_t sp) noexcept {
    auto const top = reinterpret_cast<std::uintptr_t>(s.top);
    auto const used = top - std::min(sp, top);
    auto const noted = s.lowest_sp != nullptr ? top - std::min(reinterpret_cast<std::uintptr_t>(s.lowest_sp), top) : 0;
    return {used, s.usable(), std::max(used, noted)};
}

namespace {

using answer = thread_question::answer;

// Linux numbers threads up to 2^22.
enum where : std::uint32_t { free, asked, answering, answered };
constexpr std::uint32_t word_of(int thread, where w) noexcept {
    return static_cast<std::uint32_t>(thread) << 2 | w;
}

// Used by the handler, so they have no constructor.
constinit atomic<std::uint32_t> state{free};
constinit thread_question* question = nullptr;  // the handler's while `answering`
constinit answer given{};
constinit struct sigaction before = {};
constinit plain_mutex one_at_a_time;

constexpr std::size_t red_zone = 128;

answer answer_here([[maybe_unused]] thread_question& q, [[maybe_unused]] void const* context) noexcept {
#if defined(__x86_64__)
    auto const* const here = this_lane();
    if (here != &q.of || here->current != &q.running) return answer::elsewhere;
    auto const* const s = q.running.stack;
    if (here->is_switching() || s == nullptr) return answer::switching;
    auto const& r = static_cast<ucontext_t const*>(context)->uc_mcontext.gregs;
    auto const at = [&](int which) { return static_cast<std::uintptr_t>(r[which]); };
    auto const bottom = reinterpret_cast<std::uintptr_t>(s->bottom);
    if (at(REG_RSP) < bottom || !s->holds(reinterpret_cast<void const*>(at(REG_RSP)))) return answer::own_stack;
    q.to.take_running(
        {at(REG_RIP), at(REG_RSP), at(REG_RBP), at(REG_RBX), at(REG_R12), at(REG_R13), at(REG_R14), at(REG_R15)},
        s->top, std::min(red_zone, at(REG_RSP) - bottom));
    q.use = stack_use::of(*s, at(REG_RSP));
    return answer::stack;
#else
    return answer::silent;
#endif
}

bool is_function(struct sigaction const& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

void on_signal(int number, siginfo_t* info, void* context) noexcept {
    auto const error = errno;
    auto const me = static_cast<int>(::syscall(SYS_gettid));
    auto expected = word_of(me, asked);
    // acquire pairs with the release in ask(): the question. release pairs with the acquire there: the answer.
    if (state.compare_exchange_strong(expected, word_of(me, answering), std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        given = answer_here(*question, context);
        state.store(word_of(me, answered), std::memory_order_release);
        futex_wake(state);
    } else if (info->si_code != SI_QUEUE || info->si_value.sival_ptr != &state) {  // not ours
        if ((before.sa_flags & SA_SIGINFO) != 0)
            before.sa_sigaction(number, info, context);
        else if (is_function(before))
            before.sa_handler(number);
    }
    errno = error;
}

// If another handler has come in our place and calls ours, ours must not call it; so that one stays.
void install() noexcept {
    static constinit bool installed = false;
    struct sigaction present = {};
    ::sigaction(SIGURG, nullptr, &present);
    if (installed && is_function(present)) return;
    installed = true;
    before = present;
    struct sigaction ours = {};
    ours.sa_sigaction = on_signal;
    ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;  // fibers' stacks are small
    ::sigemptyset(&ours.sa_mask);
    ::sigaction(SIGURG, &ours, nullptr);
}

bool send_to(int thread) noexcept {
    siginfo_t info = {};
    info.si_signo = SIGURG;
    info.si_code = SI_QUEUE;
    info.si_pid = ::getpid();
    info.si_uid = ::getuid();
    info.si_value.sival_ptr = &state;
    return ::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), thread, SIGURG, &info) == 0;
}

}  // namespace

answer thread_question::ask(std::chrono::milliseconds patience) {
    std::lock_guard const held(one_at_a_time);
    install();
    question = this;
    auto const question_asked = word_of(thread, asked), in_answer = word_of(thread, answering);
    state.store(question_asked, std::memory_order_release);
    if (!send_to(thread)) patience = std::chrono::milliseconds(0);  // the thread has ended
    auto const until = std::chrono::steady_clock::now() + patience;
    for (;;) {
        auto now = state.load(std::memory_order_acquire);
        if (now == question_asked) {
            if (futex_wait(state, now, until)) continue;
            if (!state.compare_exchange_strong(now, free, std::memory_order_relaxed)) continue;
            return answer::silent;
        }
        if (now == in_answer) {
            (void)futex_wait(state, now, never);
            continue;
        }
        state.store(free, std::memory_order_relaxed);
        return given;
    }
}

}  // namespace ramie::detail
