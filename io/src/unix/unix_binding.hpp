// Binding a unix socket to a file that may be left over.
#pragma once

#include "net/new_socket.hpp"
#include "unix/socket_file_claim.hpp"

#include <ramie/unix_endpoint.hpp>

namespace ramie::detail {

// Holds the claim on the file until the socket can be connected to: a listener's until it listens, since before that
// its file looks left over.
class unix_binding {
  public:
    unix_binding(new_socket& made, unix_endpoint const& at, int type) : made_(made), at_(at), type_(type), mine_(at) {}

    // bind(), as a step of making the socket. Who cannot have the claim binds without one.
    void bind() noexcept { made_.bind(at_.data(), at_.size()); }
    // The same, but if the file is there, is a socket, and refuses connections of that type (so that nobody is behind
    // it any more), it is removed first. -EADDRINUSE also if somebody else is just about to bind there.
    void bind_or_replace_stale() noexcept;

  private:
    bool is_stale() const noexcept;

    new_socket& made_;
    unix_endpoint const& at_;
    int const type_;
    socket_file_claim mine_;
};

}  // namespace ramie::detail
