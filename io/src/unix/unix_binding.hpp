// Binding a unix socket to a file that may be left over.
#pragma once

#include "net/new_socket.hpp"
#include "unix/socket_file_claim.hpp"

#include <ramie/unix_endpoint.hpp>

namespace ramie::detail {

// Holds the claim on the file until the socket can be connected to. For a listener that is until it listens: before,
// its file looks left over.
class unix_binding {
  public:
    unix_binding(new_socket& made, unix_endpoint const& at, int type) : made_(made), at_(at), type_(type), mine_(at) {}

    // bind(), as a step of making the socket. It binds even without the claim.
    void bind() noexcept { made_.bind(at_.data(), at_.size()); }
    // The same, but a left-over file is removed first: one that is a socket and refuses connections of that type, so no
    // process uses it any more. -EADDRINUSE also if another process is just about to bind there.
    void bind_or_replace_stale() noexcept;

  private:
    bool is_stale() const noexcept;

    new_socket& made_;
    unix_endpoint const& at_;
    int const type_;
    socket_file_claim mine_;
};

}  // namespace ramie::detail
