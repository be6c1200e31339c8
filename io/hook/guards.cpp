// Function-local statics. The guard of a static belongs to a thread. If a fiber parks in a static's initialiser, a
// second fiber of the same thread that needs the static would block the thread that the first fiber needs. So a fiber
// waits by parking. The initialising fiber is noted, because it may come back to its own static. That is a mistake in
// the program: a thread would wait for itself for ever; for a fiber, the process is ended with a message.
//
// The guard keeps libstdc++'s own representation, because a thread may wait in libstdc++'s way for a static that a
// fiber initialises, and the other way round: the first int is 0 (not begun) or 0x100 (being initialised), with 0x10000
// if a thread sleeps on it by futex; its first byte is 1 once the static is there. libstdc++'s own release and abort do
// the rest. With another C++ library everything is passed through.
#include "hook_state.hpp"

#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>

namespace {

using ramie::hook::introduced;
using ramie::hook::real;

static_assert(std::endian::native == std::endian::little);
constexpr int done = 1, pending = 0x100;

std::atomic_ref<int> state_of(void* guard) noexcept {
    return std::atomic_ref<int>(*static_cast<int*>(guard));
}

// The fibers that are initialising a static: few at a time, and none for long. A list under a lock of one word.
struct owner {
    void const* guard;
    void const* fiber;
    owner* next;
};
class owners {
  public:
    void add(void const* guard, void const* fiber) {
        auto* const made = new owner{guard, fiber, nullptr};
        lock();
        made->next = first_.load(std::memory_order_relaxed);
        first_.store(made, std::memory_order_relaxed);
        unlock();
    }
    // True: the guard was in the list.
    bool remove(void const* guard) noexcept {
        // A fiber that has put a guard into the list always finds it. All others do without the lock.
        if (first_.load(std::memory_order_relaxed) == nullptr) return false;
        owner* found = nullptr;
        lock();
        owner* before = nullptr;
        for (found = first_.load(std::memory_order_relaxed); found != nullptr && found->guard != guard; found = found->next)
            before = found;
        if (found != nullptr && before != nullptr) before->next = found->next;
        else if (found != nullptr) first_.store(found->next, std::memory_order_relaxed);
        unlock();
        delete found;
        return found != nullptr;
    }
    bool has(void const* guard, void const* fiber) noexcept {
        lock();
        bool found = false;
        for (auto* each = first_.load(std::memory_order_relaxed); each != nullptr; each = each->next)
            found |= each->guard == guard && each->fiber == fiber;
        unlock();
        return found;
    }

  private:
    void lock() noexcept {
        while (held_.exchange(true, std::memory_order_acquire)) {}
    }
    void unlock() noexcept { held_.store(false, std::memory_order_release); }

    std::atomic<bool> held_{false};
    std::atomic<owner*> first_{nullptr};  // changed only under the lock
};
constinit owners initialising;

[[noreturn]] void came_back() noexcept {
    std::fputs("ramie-hook: the initialiser of a function-local static comes back to that static\n", stderr);
    std::abort();
}

bool still_pending(void* guard) {
    auto const now = state_of(guard).load(std::memory_order_acquire);
    return (now & done) == 0 && now != 0;
}

}  // namespace

RAMIE_EXPORTED int __cxa_guard_acquire(void* guard) {
    auto const* const calls = introduced();
    auto const* const self = calls != nullptr && real().guards_are_known ? calls->who() : nullptr;
    if (self == nullptr) return real().guard_acquire(guard);
    for (;;) {
        auto expected = 0;
        // acquire pairs with the release in libstdc++'s release and abort.
        if (state_of(guard).compare_exchange_strong(expected, pending, std::memory_order_acq_rel,
                                                    std::memory_order_acquire)) {
            initialising.add(guard, self);
            return 1;
        }
        if ((expected & done) != 0) return 0;
        if (initialising.has(guard, self)) came_back();
        calls->wait_at(guard, still_pending, guard);
    }
}

RAMIE_EXPORTED void __cxa_guard_release(void* guard) noexcept {
    auto const* const calls = introduced();
    if (calls != nullptr) initialising.remove(guard);
    real().guard_release(guard);
    if (calls != nullptr) calls->wake_at(guard);
}

RAMIE_EXPORTED void __cxa_guard_abort(void* guard) noexcept {
    auto const* const calls = introduced();
    if (calls != nullptr) initialising.remove(guard);
    real().guard_abort(guard);
    if (calls != nullptr) calls->wake_at(guard);
}
