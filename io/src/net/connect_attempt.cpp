#include "net/connect_attempt.hpp"

#include "call/operation.hpp"
#include "net/new_socket.hpp"
#include "net/socket_name.hpp"

#include <cerrno>

#include <netinet/tcp.h>

namespace ramie::detail {

void connecting::begin(connect_options const& options, interest_set& watch) {
    new_socket made(to_.family(), SOCK_STREAM);
    if (options.nodelay) made.option(IPPROTO_TCP, TCP_NODELAY, true);
    if (options.keepalive) {
        made.option(SOL_SOCKET, SO_KEEPALIVE, true);
        if (options.keepalive_idle.count() != 0)
            made.option(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(options.keepalive_idle.count()));
    }
    made.buffer(SO_SNDBUF, options.send_buffer);
    made.buffer(SO_RCVBUF, options.receive_buffer);
    if (options.local) made.bind(options.local->data(), options.local->size());
    if (made.error()) return fail(made.error());

    auto const answer = socket_call::connect(made.fd(), to_.data(), to_.size());
    if (answer < 0 && answer != -EINPROGRESS && answer != -EINTR) return fail(error_of(answer));
    // Registered only now: a socket that has not begun to connect would be reported as hung up.
    auto added = made.watched_by(watch);
    if (!added) return fail(added.error());
    socket_ = std::move(*added);
    if (answer == 0) succeed();
}

// If no listener is there, a socket may connect to itself: when the kernel gives it the very port that it connects to,
// TCP takes this for a simultaneous open of two sockets. Such a connection is reset, so that the port is free for its
// real owner, and the attempt counts as refused.
void connecting::succeed() noexcept {
    auto const fd = socket_.get()->fd();
    if (auto const here = socket_name(fd, socket_call::local_name); here && here->port() == to_.port()) {
        if (auto const there = socket_name(fd, socket_call::peer_name); there && *here == *there) {
            (void)socket_call::set_option(fd, SOL_SOCKET, SO_LINGER, linger{1, 0});
            return fail(std::make_error_code(std::errc::connection_refused));
        }
    }
    state_ = state::connected;
}

void connecting::fail(std::error_code why) noexcept {
    state_ = state::failed;
    error_ = why;
    socket_ = {};
}

connecting::state connecting::ask() {
    while (state_ == state::under_way) {
        // No other fiber knows of the socket, so its number stays ours.
        auto& d = *socket_.get();
        auto const noted = d.readiness.look();
        if (!noted.ready(direction::write)) {
            if (!noted.is_unwatched()) break;
            fail(std::make_error_code(std::errc::operation_canceled));
            break;
        }
        // A second connect() tells how the attempt under way ended. (On the loopback it has ended by now.)
        auto const answer = socket_call::connect(d.fd(), to_.data(), to_.size());
        if (answer == 0 || answer == -EISCONN) succeed();
        else if (answer == -EALREADY || answer == -EINPROGRESS) d.readiness.clear(direction::write, noted);
        else if (answer != -EINTR) fail(error_of(answer));
    }
    return state_;
}

bool connecting::enlist(waiter& self, std::uint64_t g) noexcept {
    node_.emplace(self, g);
    return socket_.get()->readiness.enlist(direction::write, *node_, false);
}

void connecting::withdraw() noexcept { (void)socket_.get()->readiness.withdraw(direction::write, *node_); }

}  // namespace ramie::detail
