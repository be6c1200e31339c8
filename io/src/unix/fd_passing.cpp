// Descriptors that travel over a unix_stream.
#include <ramie/unix_stream.hpp>

#include "call/socket_call.hpp"
#include "call/transfer.hpp"

#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace ramie {

using namespace detail;

namespace {

std::unexpected<std::error_code> bad_count() {
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
}

// Room for a message's descriptors, aligned as the system wants it.
struct control_room {
    alignas(cmsghdr) std::byte bytes[CMSG_SPACE(unix_stream::most_fds * sizeof(int))];
};

// Takes all descriptors of the message; those that do not fit into `fds` are closed.
void take_fds(msghdr& message, std::vector<unique_fd>& fds) noexcept {
    for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        auto const count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(each) + i * sizeof(int), sizeof number);
            // Room is reserved for the most that one message can carry. A low number that cannot be moved is kept as it
            // is.
            auto const copy = number < 3 ? ::fcntl(number, F_DUPFD_CLOEXEC, 3) : -1;
            fds.emplace_back(copy >= 0 ? copy : number);
            if (copy >= 0) ::close(number);
        }
    }
}

}  // namespace

std::expected<std::size_t, std::error_code> unix_stream::send_fds(std::span<std::byte const> from,
                                                                  std::span<int const> fds) {
    if (from.empty() || fds.size() > most_fds) return bad_count();
    if (fds.empty()) return write(from);
    control_room room{};  // zero, also in the gaps
    iovec data{const_cast<std::byte*>(from.data()), from.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = room.bytes;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    auto* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
    // A short write proves nothing here: a write also ends behind the piece that carries the descriptors.
    return transfer(descriptor_, direction::write, "send_fds",
                    [&](int fd) { return attempt{socket_call::send_message(fd, message)}; });
}

std::expected<received_fds, std::error_code> unix_stream::receive_fds(std::span<std::byte> into, std::size_t at_most) {
    if (at_most > most_fds) return bad_count();
    received_fds result;
    result.fds.reserve(at_most);
    if (into.empty()) {
        auto const nothing = transfer_nothing(descriptor_, "receive_fds");
        if (!nothing) return std::unexpected(nothing.error());
        return result;
    }
    control_room room;
    iovec data{into.data(), into.size()};
    bool lost = false;
    auto const size = transfer(descriptor_, direction::read, "receive_fds", [&](int fd) {
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = room.bytes;
        message.msg_controllen = CMSG_LEN(at_most * sizeof(int));
        auto const answer = socket_call::receive_message(fd, message, 0);
        if (answer < 0) return attempt{answer};
        take_fds(message, result.fds);
        lost = (message.msg_flags & MSG_CTRUNC) != 0;
        // A read ends where descriptors were sent, although more bytes may follow.
        bool const is_short = answer > 0 && static_cast<std::size_t>(answer) < into.size();
        return attempt{answer, is_short && result.fds.empty() && !lost};
    });
    if (!size) return std::unexpected(size.error());
    if (lost) return std::unexpected(make_error_code(stream_errc::descriptors_lost));
    result.size = *size;
    return result;
}

}  // namespace ramie
