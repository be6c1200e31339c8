// Locks that libc gives to an OS thread and not to who calls: recursive, error-checking, robust and priority-inheriting
// mutexes, and a rwlock's writer. A fiber that holds one stays on its thread (hook_calls::begin_hold), so libc is always
// asked by the right thread. But it would let in every other fiber of that thread as well, and take the lock from its holder;
// so each thread knows which of its fibers holds what.
//
// Only its thread uses a table, and no fiber is left while it does. Fibers are known by number: one that ended and left
// something locked keeps it, as a thread that ended does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ramie::hook {

class thread_locks {
  public:
    struct holding {
        void const* lock = nullptr;
        std::uint64_t fiber = 0;
        std::uint32_t depth = 0;
    };

    // Of the calling thread. Not kept over a wait.
    static thread_locks& here() noexcept;

    // Null: no fiber of this thread holds it.
    holding* find(void const* lock) noexcept {
        return count_ != 0 ? look(lock) : nullptr;
    }
    // False: no memory.
    [[nodiscard]] bool add(void const* lock, std::uint64_t fiber) noexcept;
    void remove(holding& h) noexcept;

  private:
    holding* look(void const* lock) noexcept;
    bool grow() noexcept;
    std::size_t start_of(void const* lock) const noexcept;

    // Open addressing; half of it is empty. From mmap, and kept for good: this is called where an allocator may wait.
    holding* slots_ = nullptr;
    std::size_t size_ = 0, count_ = 0;
};

}  // namespace ramie::hook
