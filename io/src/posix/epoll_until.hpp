// epoll_wait() of a fiber, in all its forms.
#pragma once

#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <signal.h>
#include <sys/epoll.h>

namespace ramie::detail {

// `mask` may be null.
int epoll_until(waiter& self, int epoll, epoll_event* events, int count, time_point limit, sigset_t const* mask = nullptr) noexcept;

}  // namespace ramie::detail
