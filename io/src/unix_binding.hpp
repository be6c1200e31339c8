// Binding a unix socket to a file that may be left over.
#pragma once

#include "new_socket.hpp"

#include <ramie/unix_endpoint.hpp>

namespace ramie::detail {

// bind(), as a step of making the socket. `replace_stale`: if the file is there, is a socket, and refuses connections
// of that type (so that nobody is behind it any more), it is removed. Between the look and the removal somebody else
// may have put his own there; who wants to be sure takes a lock file.
void bind_unix(new_socket& made, unix_endpoint const& at, int type, bool replace_stale) noexcept;

}  // namespace ramie::detail
