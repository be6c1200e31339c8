#include <ramie/tcp.hpp>

#include "net/accept_attempt.hpp"
#include "net/new_socket.hpp"
#include "net/socket_name.hpp"

#include <ramie/resolve.hpp>

#include <netinet/tcp.h>

namespace ramie {

using namespace detail;

std::expected<tcp_listener, std::error_code> tcp_listener::bind(endpoint const& at, listen_options const& options) {
    auto& watch = interest_set::current("tcp_listener::bind");
    new_socket made(at.family(), SOCK_STREAM);
    made.option(SOL_SOCKET, SO_REUSEADDR, options.reuse_address);
    made.option(SOL_SOCKET, SO_REUSEPORT, options.reuse_port);
    if (options.v6_only && at.is_v6()) made.option(IPPROTO_IPV6, IPV6_V6ONLY, *options.v6_only);
    if (options.defer_accept.count() != 0)
        made.option(IPPROTO_TCP, TCP_DEFER_ACCEPT, static_cast<int>(options.defer_accept.count()));
    if (options.fast_open != 0) made.option(IPPROTO_TCP, TCP_FASTOPEN, options.fast_open);
    // Accepted sockets inherit it, which saves a system call for each.
    made.option(IPPROTO_TCP, TCP_NODELAY, true);
    made.bind(at.data(), at.size());
    made.listen(options.backlog);
    if (made.error()) return std::unexpected(made.error());
    auto const local = socket_name(made.fd(), socket_call::local_name);
    if (!local) return std::unexpected(local.error());
    auto added = made.watched_by(watch);
    if (!added) return std::unexpected(added.error());
    return tcp_listener(std::move(*added), *local);
}

std::expected<tcp_listener, std::error_code> tcp_listener::bind(std::string_view host, std::uint16_t port,
                                                                listen_options const& options) {
    auto const addresses = resolve(host, port);
    if (!addresses) return std::unexpected(addresses.error());
    std::error_code last;
    for (auto const& each : *addresses) {
        auto listener = bind(each, options);
        if (listener) return listener;
        last = listener.error();
    }
    return std::unexpected(last);
}

std::expected<tcp_listener, std::error_code> tcp_listener::adopt(unique_fd fd) {
    auto& watch = interest_set::current("tcp_listener::adopt");
    auto const number = fd.get();
    auto adopted = adopt_socket(std::move(fd), {AF_INET, AF_INET6, SOCK_STREAM, true}, watch);
    if (!adopted) return std::unexpected(adopted.error());
    (void)socket_call::set_option(number, IPPROTO_TCP, TCP_NODELAY, true);  // as bind() does
    auto const local = socket_name(number, socket_call::local_name);
    if (!local) return std::unexpected(local.error());
    return tcp_listener(std::move(*adopted), *local);
}

std::expected<tcp_stream, std::error_code> tcp_listener::accept() {
    return owner_of<tcp_stream>(accept_next(descriptor_));
}

}  // namespace ramie
