// pthread barriers. libc offers no way to arrive at a barrier without waiting. So a barrier that is made after a
// runtime has started is ours, in libc's memory: threads wait for its round by futex, fibers in the parking lot. A
// barrier that was made before, or is process-shared, is libc's; a fiber that comes to it waits on a thread of the
// blocking pool.
//
//   arriving   the last arrival of a round begins the next round, wakes all, and gets PTHREAD_BARRIER_SERIAL_THREAD
//   leaving    after it has left, a caller does not touch the barrier; destroying the barrier waits until all have left
#include "waiting.hpp"

#include <cerrno>
#include <climits>
#include <new>

#include <linux/futex.h>
#include <sys/syscall.h>

namespace ramie::hook {

namespace {

using detail::lot_wait;

struct our_barrier {
    unsigned count;
    unsigned arrived = 0;                  // under lock_
    std::atomic<unsigned> round{0};
    std::atomic<unsigned> inside{0};       // how many have come and not left
    std::atomic<bool> held{false};
    // In bytes that glibc's barrier never writes. Every barrier is made by pthread_barrier_init, so this tells ours
    // from glibc's.
    std::uint64_t mark = ours;
    static constexpr std::uint64_t ours = 0x52616d6965426172;
    static constexpr std::size_t glibcs = 20;

    explicit our_barrier(unsigned n) noexcept : count(n) {}
    void lock() noexcept {
        while (held.exchange(true, std::memory_order_acquire)) {}  // pairs with the release in unlock()
    }
    void unlock() noexcept { held.store(false, std::memory_order_release); }
};
static_assert(sizeof(our_barrier) <= sizeof(pthread_barrier_t) && offsetof(our_barrier, mark) >= our_barrier::glibcs);

our_barrier* ours_in(pthread_barrier_t* b) noexcept {
    auto* const at = reinterpret_cast<our_barrier*>(b);
    return at->mark == our_barrier::ours ? at : nullptr;
}

bool is_for_processes(pthread_barrierattr_t const* attributes) noexcept {
    int shared = PTHREAD_PROCESS_PRIVATE;
    return attributes != nullptr && ::pthread_barrierattr_getpshared(attributes, &shared) == 0 &&
           shared == PTHREAD_PROCESS_SHARED;
}

struct round_wait {
    std::atomic<unsigned> const& round;
    unsigned seen;
};
int attempt_round(void* argument) noexcept {
    auto const& w = *static_cast<round_wait const*>(argument);
    // acquire pairs with the release of the last arrival.
    return w.round.load(std::memory_order_acquire) != w.seen ? 0 : static_cast<int>(lot_wait::again);
}

void await_round(detail::hook_calls const& calls, our_barrier& b, unsigned seen) noexcept {
    if (calls.is_hooked()) {
        round_wait argument{b.round, seen};
        lot_wait w;
        w.address = &b.round;
        w.attempt = attempt_round;
        w.argument = &argument;
        w.what = "pthread_barrier_wait";
        (void)calls.wait_in_lot(w);
        return;
    }
    auto const error = errno;
    while (b.round.load(std::memory_order_acquire) == seen)  // acquire as above
        (void)real().syscall(SYS_futex, &b.round, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
    errno = error;
}

int arrive(detail::hook_calls const& calls, our_barrier& b) noexcept {
    b.inside.fetch_add(1, std::memory_order_relaxed);
    b.lock();
    auto const seen = b.round.load(std::memory_order_relaxed);
    bool const last = ++b.arrived == b.count;
    if (last) {
        b.arrived = 0;
        b.round.store(seen + 1, std::memory_order_release);  // pairs with the acquires of the waiters
    }
    b.unlock();
    if (last) {
        auto const error = errno;
        (void)real().syscall(SYS_futex, &b.round, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
        errno = error;
        tell(calls, &b.round, detail::lot_wake::all);
    } else {
        await_round(calls, b, seen);
    }
    b.inside.fetch_sub(1, std::memory_order_release);  // pairs with the acquire in pthread_barrier_destroy
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

}  // namespace

}  // namespace ramie::hook

using namespace ramie::hook;

RAMIE_EXPORTED int pthread_barrier_init(pthread_barrier_t* barrier, pthread_barrierattr_t const* attributes,
                                        unsigned count) noexcept {
    auto const result = real().pthread_barrier_init(barrier, attributes, count);
    if (result != 0) return result;
    if (introduced() != nullptr && !is_for_processes(attributes)) new (barrier) our_barrier(count);
    else reinterpret_cast<our_barrier*>(barrier)->mark = 0;
    return 0;
}

RAMIE_EXPORTED int pthread_barrier_wait(pthread_barrier_t* barrier) noexcept {
    auto const* const calls = introduced();
    if (calls == nullptr) return real().pthread_barrier_wait(barrier);
    take_turns(*calls, __builtin_return_address(0));
    if (auto* const ours = ours_in(barrier)) return arrive(*calls, *ours);
    if (!calls->is_hooked()) return real().pthread_barrier_wait(barrier);
    struct libcs {
        pthread_barrier_t* barrier;
        int result;
    } call{barrier, 0};
    calls->do_on_pool([](void* c) noexcept {
        auto& wanted = *static_cast<libcs*>(c);
        wanted.result = real().pthread_barrier_wait(wanted.barrier);
    }, &call);
    return call.result;
}

RAMIE_EXPORTED int pthread_barrier_destroy(pthread_barrier_t* barrier) noexcept {
    auto* const ours = ours_in(barrier);
    if (ours == nullptr) return real().pthread_barrier_destroy(barrier);
    ours->lock();
    bool const is_waited_at = ours->arrived != 0;
    ours->unlock();
    if (is_waited_at) return EBUSY;
    // Waits for the last round to leave. acquire pairs with the release in arrive().
    while (ours->inside.load(std::memory_order_acquire) != 0) {
        auto const* const fiber = for_fiber();
        (void)(fiber != nullptr ? fiber->sched_yield() : real().sched_yield());
    }
    ours->mark = 0;
    return 0;
}
