// The process that Ramie's tables belong to. The tables (workers, queues, waiters of descriptors) belong to the process
// in which the first runtime started: its home. Other code also calls us in children of that process. They have the
// tables, but not the threads that work on them.
//
//   a child with a copy of the memory     by fork, _Fork, clone without CLONE_VM, or the system calls themselves. The
//                                         word that is_here() reads lies in a page that the kernel empties in every
//                                         such child (MADV_WIPEONFORK, Linux 4.14), however it was made. Where the
//                                         kernel cannot do that, an atfork handler does it, for children made by fork().
//   a child that shares the memory        by vfork, or clone with CLONE_VM. The word is the same there. vfork's caller
//                                         stands still until the child has gone: libramie-hook notes that for the thread
//                                         (hook/vfork.cpp). clone's child has a stack of its own, so it is no fiber;
//                                         calls that also do something for plain threads (close) ask the kernel:
//                                         is_surely_here().
//
// Every entry that such children can reach asks first: hooked calls, ramie::posix, destructors that run in a child's
// exit(). If the answer is "not here", the call is libc's, and the tables are not touched, because their locks may have
// been copied while they were held.
//
// In a child with copied memory
//   - the thread that forked is a plain thread, even if it was a worker. Locks and waits are those of threads. Its
//     fiber's stack goes on; where the fiber would end, the process ends, as it does with its last thread (task.cpp,
//     "the end in a child").
//   - if there was no runtime at the fork, the child is a home of its own, with new tables (child_watcher): after
//     fork() at once, otherwise with its first runtime. If there was one, every further runtime is refused: the copy
//     contains tasks that are about to run, and locks that no thread will unlock.
//   - what is left of the parent's runtimes is left as it is: destroying them waits for nothing.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/config.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace ramie::detail::home_process {

using word = std::atomic<std::uint32_t>;
// Points to a word that is 1. Changes only when the first runtime starts.
RAMIE_API extern constinit std::atomic<word const*> looked_at;

// True: not a child with copied memory. (Also true before there is a home.) acquire pairs with the release in
// begin_anew(): a thread that sees the child's own home sees its new tables.
[[gnu::always_inline]] inline bool is_here() noexcept {
    return looked_at.load(std::memory_order_acquire)->load(std::memory_order_acquire) != 0;
}

// Nor a child that shares the memory. A system call.
bool is_surely_here() noexcept;

// Says that a runtime exists: from before its first part is made until its last thread has ended.
class runtime_presence {
  public:
    // Makes this process the home if there is none. std::logic_error in the child of a process that had a runtime.
    runtime_presence();
    runtime_presence(runtime_presence const&) = delete;
    runtime_presence& operator=(runtime_presence const&) = delete;
    ~runtime_presence() { end(); }
    void end() noexcept;

  private:
    std::atomic<bool> counts_{false};
};

// The message for code that wants a runtime in such a child.
std::string why_not_here();

// Code that has something to do in a child with copied memory. Only static objects. Either function may be null.
class child_watcher {
  public:
    // `forked`: called in a child of fork(), on the thread that forked, before anything else runs. (Not after _Fork or
    // a system call.) `begin_anew`: called in a process that is about to become a home: forgets what a parent left
    // behind.
    child_watcher(void (*forked)() noexcept, void (*begin_anew)() noexcept) noexcept;
    child_watcher(child_watcher const&) = delete;
    child_watcher& operator=(child_watcher const&) = delete;

    void (*const forked)() noexcept;
    void (*const begin_anew)() noexcept;
    child_watcher const* const next;
};

}  // namespace ramie::detail::home_process
