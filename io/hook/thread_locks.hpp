// Locks that libc gives to an OS thread: recursive, error-checking, robust and priority-inheriting mutexes, and a
// rwlock's writer. A fiber that holds one stays on its thread (hook_calls::begin_hold), so the right thread asks libc.
// But libc would then let in every other fiber of that thread as well, and let it unlock the holder's lock. So each
// thread notes which of its fibers holds which lock.
//
// Only its own thread uses a table, and no fiber switches while it does. Fibers are known by number: a fiber that ended
// with a lock held keeps it for ever, like a thread that ended.
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

    // The calling thread's. Must not be kept over a wait.
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

    holding* slots() noexcept { return table_ != nullptr ? table_ : first_; }

    // Open addressing; half of the table is empty. A larger one is from mmap, because this is called where an allocator may
    // be waiting, and goes when it is empty: a thread state of a task's own (own_thread_state) ends without a word.
    static constexpr std::size_t first_size = 8;
    holding first_[first_size];
    holding* table_ = nullptr;
    std::size_t size_ = first_size, count_ = 0;
};

}  // namespace ramie::hook
