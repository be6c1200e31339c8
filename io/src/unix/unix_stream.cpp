#include <ramie/unix_stream.hpp>

#include "call/transfer.hpp"
#include "net/new_socket.hpp"
#include "net/socket_name.hpp"
#include "stream/iovec_list.hpp"

#include <ramie/this_fiber.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace ramie {

using namespace detail;

namespace {

using namespace std::chrono_literals;

// A read ends where descriptors were sent, although more bytes may follow. MSG_CTRUNC tells that there were descriptors
// that this read did not ask for.
std::expected<std::size_t, std::error_code> receive_without_fds(owned_descriptor const& from, iovec* into,
                                                                std::size_t count, std::size_t size) {
    if (size == 0) return transfer_nothing(from, "read");
    return transfer(from, direction::read, "read", [&](int fd) {
        msghdr message{};
        message.msg_iov = into;
        message.msg_iovlen = count;
        auto const answer = socket_call::receive_message(fd, message, 0);
        bool const is_short = answer > 0 && static_cast<std::size_t>(answer) < size;
        return attempt{answer, is_short && (message.msg_flags & MSG_CTRUNC) == 0};
    });
}

}  // namespace

std::expected<unix_stream, std::error_code> unix_stream::connect(unix_endpoint const& to) {
    auto& watch = interest_set::current("unix_stream::connect");
    (void)detail::waiter::enter();
    new_socket made(AF_UNIX, SOCK_STREAM);
    for (auto pause = 1ms; !made.error(); pause = std::min(pause * 2, 50ms)) {
        auto const answer = socket_call::connect(made.fd(), to.data(), to.size());
        if (answer != -EAGAIN && answer != -EINTR) {
            made.take(answer);
            break;
        }
        // No event tells when there is room in the queue.
        if (answer == -EAGAIN) this_fiber::sleep_for(pause);
    }
    return owner_of<unix_stream>(made.watched_by(watch));
}

std::expected<std::pair<unix_stream, unix_stream>, std::error_code> unix_stream::pair() {
    auto& watch = interest_set::current("unix_stream::pair");
    auto ends = watched_pair(SOCK_STREAM, watch);
    if (!ends) return std::unexpected(ends.error());
    return std::pair(unix_stream(std::move(ends->first)), unix_stream(std::move(ends->second)));
}

std::expected<unix_stream, std::error_code> unix_stream::adopt(unique_fd fd) {
    auto& watch = interest_set::current("unix_stream::adopt");
    if (auto const peer = socket_name<unix_endpoint>(fd.get(), socket_call::peer_name);
        !peer && peer.error() != std::errc::address_family_not_supported)
        return std::unexpected(peer.error());
    // Credentials would come where descriptors are expected.
    (void)socket_call::set_option(fd.get(), SOL_SOCKET, SO_PASSCRED, false);
    return owner_of<unix_stream>(adopt_socket(std::move(fd), {AF_UNIX, AF_UNIX, SOCK_STREAM}, watch));
}

std::expected<std::size_t, std::error_code> unix_stream::read_some(std::span<std::byte> into) {
    iovec one{into.data(), into.size()};
    return receive_without_fds(descriptor_, &one, 1, into.size());
}

std::expected<std::size_t, std::error_code> unix_stream::read_some(std::span<std::span<std::byte> const> into) {
    iovec_list list(into);
    return receive_without_fds(descriptor_, list.data(), list.count(), list.total());
}

std::expected<peer_credentials, std::error_code> unix_stream::credentials() const {
    return with_fd(descriptor_, [](int fd) -> std::expected<peer_credentials, std::error_code> {
        ucred peer{};
        if (auto const answer = socket_call::get_option(fd, SOL_SOCKET, SO_PEERCRED, peer); answer < 0)
            return std::unexpected(error_of(answer));
        return peer_credentials{peer.pid, peer.uid, peer.gid};
    });
}

std::expected<unix_endpoint, std::error_code> unix_stream::local_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name<unix_endpoint>(fd, socket_call::local_name); });
}

std::expected<unix_endpoint, std::error_code> unix_stream::peer_endpoint() const {
    return with_fd(descriptor_, [](int fd) { return socket_name<unix_endpoint>(fd, socket_call::peer_name); });
}

}  // namespace ramie
