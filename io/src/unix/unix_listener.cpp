#include <ramie/unix_stream.hpp>

#include "net/accept_attempt.hpp"
#include "net/new_socket.hpp"
#include "net/socket_name.hpp"
#include "unix/unix_binding.hpp"

namespace ramie {

using namespace detail;

std::expected<unix_listener, std::error_code> unix_listener::bind(unix_endpoint const& at,
                                                                  unix_listen_options const& options) {
    auto& watch = interest_set::current("unix_listener::bind");
    new_socket made(AF_UNIX, SOCK_STREAM);
    {
        unix_binding binding(made, at, SOCK_STREAM);
        options.replace_stale ? binding.bind_or_replace_stale() : binding.bind();
        made.listen(options.backlog);
    }
    if (made.error()) return std::unexpected(made.error());
    auto const local = socket_name<unix_endpoint>(made.fd(), socket_call::local_name);
    if (!local) return std::unexpected(local.error());
    auto added = made.watched_by(watch);
    if (!added) return std::unexpected(added.error());
    return unix_listener(std::move(*added), *local);
}

std::expected<unix_listener, std::error_code> unix_listener::adopt(unique_fd fd) {
    auto& watch = interest_set::current("unix_listener::adopt");
    auto const number = fd.get();
    auto adopted = adopt_socket(std::move(fd), {AF_UNIX, AF_UNIX, SOCK_STREAM, true}, watch);
    if (!adopted) return std::unexpected(adopted.error());
    (void)socket_call::set_option(number, SOL_SOCKET, SO_PASSCRED, false);  // is inherited; see unix_stream
    auto const local = socket_name<unix_endpoint>(number, socket_call::local_name);
    if (!local) return std::unexpected(local.error());
    return unix_listener(std::move(*adopted), *local);
}

std::expected<unix_stream, std::error_code> unix_listener::accept() {
    return owner_of<unix_stream>(accept_next(descriptor_));
}

}  // namespace ramie
