// Whose process is this? Ramie's tables (workers, queues, who waits for which descriptor) belong to the process in which
// the first runtime started: its home. Other people's code also calls us in children of it, which have the tables but
// none of the threads that work on them.
//
//   a child with a copy of the memory     fork, _Fork, clone without CLONE_VM, the system calls themselves. The word that
//                                         is_here() looks at lies in a page that the kernel empties in such a child
//                                         (MADV_WIPEONFORK, Linux 4.14), whoever made it and however. Where the kernel
//                                         cannot do that, an atfork handler does it, for those who fork by fork().
//   a child that shares the memory        vfork, and clone with CLONE_VM. The word is the same there. vfork's caller lies
//                                         still until the child has gone: libramie-hook notes it for that thread
//                                         (hook/vfork.cpp). clone's child has a stack of its own, so it is no fiber; what
//                                         is done for plain threads too (close) asks the kernel: is_surely_here().
//
// Every entry that others reach asks first: hooked calls, ramie::posix, what destructors in a child's exit() do. Not here:
// the call is libc's, and nothing of the tables is touched, for their locks may have been copied while they were held.
//
// In a child with copied memory
//   - the thread that forked is a plain thread: if it was a worker, it is not any more. Locks and waits are those of
//     threads. Its fiber's stack goes on; where the fiber would end, the process does, as where its last thread ends
//     (task.cpp, "the end in a child").
//   - if no runtime was there at the fork, the child is a home of its own, with tables that begin anew (child_watcher): at
//     once after fork(), else with its first runtime. If one was there, every further one is refused: tasks that are about
//     to run, and locks that nobody will unlock, are part of the copy.
//   - what is left of the parent's runtimes is left as it is: destroying them waits for nobody.
#pragma once

#include <ramie/detail/ground/config.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace ramie::detail::home_process {

using word = std::atomic<std::uint32_t>;
// Points to a word that is 1, and always will be, until the first runtime starts.
extern constinit std::atomic<word const*> looked_at;

// Not a child with copied memory. (Also true before there is a home.)
// acquire pairs with the release in settle(): who sees the child's own home sees its new tables.
[[gnu::always_inline]] inline bool is_here() noexcept {
    return looked_at.load(std::memory_order_acquire)->load(std::memory_order_acquire) != 0;
}

// Nor one that shares it. A system call.
bool is_surely_here() noexcept;

// A runtime exists, from before its first part is made until its last thread has ended.
class runtime_presence {
  public:
    // Makes this process the home if there is none. std::logic_error if it is the child of one that had a runtime.
    runtime_presence();
    runtime_presence(runtime_presence const&) = delete;
    runtime_presence& operator=(runtime_presence const&) = delete;
    ~runtime_presence() { end(); }
    void end() noexcept;

  private:
    std::atomic<bool> counts_{false};
};

// What is said to those who want a runtime in such a child.
std::string why_not_here();

// Somebody who has something to do in a child with copied memory. Static. Either may be null.
class child_watcher {
  public:
    // `forked`: in a child of fork(), on the thread that forked, when nothing else runs yet. (Not after _Fork or a system
    // call.) `begin_anew`: in a process that is about to become a home: what a parent left behind is to be forgotten.
    child_watcher(void (*forked)() noexcept, void (*begin_anew)() noexcept) noexcept;
    child_watcher(child_watcher const&) = delete;
    child_watcher& operator=(child_watcher const&) = delete;

    void (*const forked)() noexcept;
    void (*const begin_anew)() noexcept;
    child_watcher const* const next;
};

}  // namespace ramie::detail::home_process
