// Loads into the cache what the reports of a harvest lead to. Nothing depends on it but how long a harvest takes.
#pragma once

#include <ramie/detail/fence/atomic.hpp>

#include <cstddef>
#include <span>

#include <sys/epoll.h>

namespace ramie::detail {

// The last waiter at a registration, its node, and the owner through which it used the descriptor: only to load them
// into the cache, for they may be gone.
class last_waiter {
  public:
    void note(auto const& node, auto const& who) noexcept {
        node_.store(&node, std::memory_order_relaxed);
        waiter_.store(&who, std::memory_order_relaxed);
    }
    // What the waiter will look at first when it goes on. Before it waits.
    void note_owner(void const* owner) noexcept { owner_.store(owner, std::memory_order_relaxed); }

    // What a report and the waiter that it wakes will touch first.
    void prefetch() const noexcept {
        auto const* const who = static_cast<char const*>(waiter_.load(std::memory_order_relaxed));
        __builtin_prefetch(node_.load(std::memory_order_relaxed), 1);
        __builtin_prefetch(who, 1);
        __builtin_prefetch(who + 64, 1);
        __builtin_prefetch(owner_.load(std::memory_order_relaxed));
    }

  private:
    atomic<void const*> node_{nullptr};
    atomic<void const*> waiter_{nullptr};
    atomic<void const*> owner_{nullptr};
};

// With many connections, all memory that a report leads to has left the caches since the last report: the slot, then
// the waiter. Loaded one after the other they cost more than all other work on a report; prefetched, they come all at
// once.
// `slot_of(tag)`: the descriptor that a report is for, or null.
template <class SlotOf>
void prefetch_reports(std::span<epoll_event const> batch, SlotOf slot_of) noexcept {
    constexpr std::size_t too_few = 4;
    if (batch.size() < too_few) return;
    for (auto const& e : batch) {
        auto const* const slot = slot_of(e.data.u64);
        if (slot == nullptr) continue;
        static_assert(sizeof *slot == 128);  // two lines
        __builtin_prefetch(slot, 1);
        __builtin_prefetch(reinterpret_cast<char const*>(slot) + 64, 1);
    }
    for (auto const& e : batch)
        if (auto const* const slot = slot_of(e.data.u64)) slot->readiness.last().prefetch();
}

}  // namespace ramie::detail
