// A program's side of libramie-hook, the library with which unmodified blocking code parks its fiber instead of its
// thread. It is a shared library of its own: link it (pkg-config ramie-hook) or LD_PRELOAD it. What it does, and what
// it does not do: docs/porting.md.
//
// From outside: RAMIE_HOOK=off         it does nothing in this process
//               RAMIE_HOOK_CHECK=mutex a fiber that waits while it holds a pthread mutex or rwlock is reported on stderr, with
//                                      both stacks, once for each pair of places; and fibers that wait for each other's
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/waiter.hpp>

namespace ramie {

// While one of these lives, its fiber's calls are libc's own, and block the worker. They nest. For code that must not
// leave its thread, or that is known never to wait. No effect without the hook, or on plain threads.
class [[nodiscard]] hook_off {
  public:
    RAMIE_API hook_off() noexcept;
    hook_off(hook_off const&) = delete;
    hook_off& operator=(hook_off const&) = delete;
    RAMIE_API ~hook_off();

  private:
    detail::waiter& mine_;
};

// Whether the caller's blocking calls park it: the hook is in the process and on, and the caller is a fiber that has
// not switched it off. From fibers and plain threads.
[[nodiscard]] RAMIE_API bool is_hooked() noexcept;

}  // namespace ramie
