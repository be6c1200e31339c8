// Shared by write, writev and send.
#pragma once

#include "posix/blocking_call.hpp"
#include "posix/parts.hpp"

#include <sys/socket.h>

namespace ramie::detail {

// sendmsg() on a blocking socket: until all is sent, or an error. What was sent before an error counts.
ssize_t send_all(blocking_call& call, msghdr message, int flags) noexcept;

}  // namespace ramie::detail
