#include <ramie/tcp.hpp>

#include "byte_stream.hpp"
#include "interest_set.hpp"
#include "operation.hpp"
#include "socket_call.hpp"
#include "socket_name.hpp"

#include <ramie/resolve.hpp>

#include <cerrno>

#include <netinet/tcp.h>

namespace ramie {

using namespace detail;

namespace {

std::expected<void, std::error_code> checked(int answer) {
    if (answer < 0) return std::unexpected(error_of(answer));
    return {};
}

// For calls that do not wait.
template <class Call>
auto with_fd(owned_descriptor const& d, Call&& call) -> decltype(call(0)) {
    auto* const used = d.get();
    if (used == nullptr || !used->begin_use()) return std::unexpected(closed_before());
    auto result = call(used->fd());
    used->end_use();
    return result;
}

}  // namespace

std::expected<tcp_stream, std::error_code> tcp_stream::connect(endpoint const& to) {
    auto& watch = interest_set::current("tcp_stream::connect");
    waiter::self().abort_point();
    unique_fd fd(socket_call::open(to.family()));
    if (fd.get() < 0) return std::unexpected(error_of(fd.get()));
    (void)socket_call::set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    auto answer = socket_call::connect(fd.get(), to.data(), to.size());
    if (answer < 0 && answer != -EINPROGRESS && answer != -EINTR) return std::unexpected(error_of(answer));

    // Registered only now: a socket that has not begun to connect would be reported as hung up.
    auto added = watch.add(std::move(fd));
    if (!added) return std::unexpected(added.error());
    tcp_stream stream(std::move(*added));
    if (answer == 0) return stream;

    operation const mine(stream.descriptor_, "connect");
    for (;;) {
        auto const noted = mine.wait_ready(direction::write);
        if (!noted) return std::unexpected(noted.error());
        // Asked again, connect() tells how the attempt under way ended. (On the loopback it has ended by now.)
        answer = socket_call::connect(mine.fd(), to.data(), to.size());
        if (answer == 0 || answer == -EISCONN) return stream;
        if (answer == -EALREADY || answer == -EINPROGRESS) mine.found_empty(direction::write, *noted);
        else if (answer != -EINTR) return std::unexpected(error_of(answer));
    }
}

std::expected<tcp_stream, std::error_code> tcp_stream::connect(std::string_view host, std::uint16_t port) {
    auto const addresses = resolve(host, port);
    if (!addresses) return std::unexpected(addresses.error());
    std::error_code last;
    for (auto const& each : *addresses) {
        auto stream = connect(each);
        if (stream) return stream;
        last = stream.error();
    }
    return std::unexpected(last);
}

std::expected<std::size_t, std::error_code> tcp_stream::read(std::span<std::byte> into) {
    return receive(descriptor_, into);
}

std::expected<std::size_t, io_error> tcp_stream::read_exactly(std::span<std::byte> into, std::size_t& done) {
    return receive_exactly(descriptor_, into, done);
}

std::expected<std::size_t, std::error_code> tcp_stream::write(std::span<std::byte const> from) {
    return send(descriptor_, from);
}

std::expected<std::size_t, io_error> tcp_stream::write_all(std::span<std::byte const> from, std::size_t& done) {
    return send_all(descriptor_, from, done);
}

std::expected<void, std::error_code> tcp_stream::shutdown(shutdown_side side) {
    auto const how = side == shutdown_side::read ? SHUT_RD : side == shutdown_side::write ? SHUT_WR : SHUT_RDWR;
    return with_fd(descriptor_, [&](int fd) { return checked(socket_call::shutdown(fd, how)); });
}

std::expected<void, std::error_code> tcp_stream::set_nodelay(bool on) {
    return with_fd(descriptor_, [&](int fd) { return checked(socket_call::set_option(fd, IPPROTO_TCP, TCP_NODELAY, on)); });
}

std::expected<void, std::error_code> tcp_stream::set_keepalive(bool on, std::chrono::seconds idle) {
    return with_fd(descriptor_, [&](int fd) {
        auto answer = socket_call::set_option(fd, SOL_SOCKET, SO_KEEPALIVE, on);
        if (answer == 0 && idle.count() > 0)
            answer = socket_call::set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(idle.count()));
        return checked(answer);
    });
}

std::expected<endpoint, std::error_code> tcp_stream::local_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name(fd, socket_call::local_name); });
}

std::expected<endpoint, std::error_code> tcp_stream::peer_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name(fd, socket_call::peer_name); });
}

}  // namespace ramie
