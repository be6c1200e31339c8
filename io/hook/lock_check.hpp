// RAMIE_HOOK_CHECK=mutex: notes where each fiber has locked the pthread mutexes and rwlocks it holds. Two reports on
// stderr:
//
//   a wait while it holds a lock   In a hooked call or one of Ramie's own. It does not block a worker, but others that
//                                  want the lock wait as long: fibers, plain threads, and for a process-shared lock
//                                  other processes. Once for each pair of places.
//   a wait that will never end     Fibers that wait for each other's locks, or a fiber that waits for its own
//
// Not seen: locks that threads hold, locks that were taken before the runtime started or inside libc, and raw futexes.
#pragma once

#include "hook_state.hpp"

#include <cerrno>
#include <cstdint>

namespace ramie::hook {

extern bool checks_locks;  // set once, at load

// --- only if checks_locks ---
void note_locked(detail::hook_calls const& calls, void const* lock, char const* kind) noexcept;
void note_unlocking(detail::hook_calls const& calls, void const* lock) noexcept;

// While this object lives, the calling fiber waits for `lock`. Looks for a circle of waits.
class noted_wait {
  public:
    noted_wait(detail::hook_calls const& calls, void const* lock) noexcept;
    noted_wait(noted_wait const&) = delete;
    noted_wait& operator=(noted_wait const&) = delete;
    ~noted_wait();

    struct link {
        std::uint64_t fiber = 0;
        void const* lock = nullptr;
        link* prev = nullptr;
        link* next = nullptr;
    };

  private:
    link link_;
};

// Called by libramie: the task with that number begins a wait.
void report_locks(char const* task, char const* waits_in, std::uint64_t number) noexcept;

// The result of a call that locks is passed through here; a call that unlocks begins with this.
inline int locked(detail::hook_calls const& calls, void const* lock, int result, char const* kind = "mutex") noexcept {
    if (checks_locks && (result == 0 || result == EOWNERDEAD)) [[unlikely]] note_locked(calls, lock, kind);
    return result;
}
inline void unlocking(detail::hook_calls const& calls, void const* lock) noexcept {
    if (checks_locks) [[unlikely]] note_unlocking(calls, lock);
}

}  // namespace ramie::hook
