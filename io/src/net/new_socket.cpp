#include "net/new_socket.hpp"

#include "call/operation.hpp"

#include <cerrno>
#include <climits>

namespace ramie::detail {

void new_socket::buffer(int name, int bytes) noexcept {
    if (answer_ == 0 && bytes < 0) answer_ = -EINVAL;
    if (bytes > 0) option(SOL_SOCKET, name, bytes);
}

std::error_code new_socket::error() const noexcept {
    return answer_ < 0 ? error_of(answer_) : std::error_code();
}

std::expected<owned_descriptor, std::error_code> new_socket::watched_by(interest_set& watch) {
    if (answer_ < 0) return std::unexpected(error());
    return watch.add(std::move(fd_));
}

std::expected<std::pair<owned_descriptor, owned_descriptor>, std::error_code> watched_pair(int type,
                                                                                           interest_set& watch) {
    int ends[2];
    if (auto const answer = socket_call::pair(AF_UNIX, type, ends); answer < 0)
        return std::unexpected(error_of(answer));
    unique_fd one(ends[0]), other(ends[1]);
    auto here = watch.add(std::move(one));
    if (!here) return std::unexpected(here.error());
    auto there = watch.add(std::move(other));
    if (!there) return std::unexpected(there.error());
    return std::pair(std::move(*here), std::move(*there));
}

int set_buffer(int fd, int name, std::size_t bytes) noexcept {
    if (bytes > INT_MAX) return -EINVAL;
    return socket_call::set_option(fd, SOL_SOCKET, name, static_cast<int>(bytes));
}

std::expected<std::size_t, std::error_code> buffer_size(int fd, int name) noexcept {
    int bytes = 0;
    if (auto const answer = socket_call::get_option(fd, SOL_SOCKET, name, bytes); answer < 0)
        return std::unexpected(error_of(answer));
    return static_cast<std::size_t>(bytes);
}

std::expected<owned_descriptor, std::error_code> adopt_socket(unique_fd fd, wanted_socket const& wanted,
                                                              interest_set& watch) {
    int family = 0, type = 0, listens = 0;
    auto answer = socket_call::get_option(fd.get(), SOL_SOCKET, SO_DOMAIN, family);
    if (answer == 0) answer = socket_call::get_option(fd.get(), SOL_SOCKET, SO_TYPE, type);
    if (answer == 0) answer = socket_call::get_option(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, listens);
    if (answer < 0) return std::unexpected(error_of(answer));
    if ((family != wanted.family_a && family != wanted.family_b) || type != wanted.type)
        return std::unexpected(std::make_error_code(std::errc::wrong_protocol_type));
    if ((listens != 0) != wanted.listens) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    if (answer = socket_call::make_non_blocking(fd.get()); answer < 0) return std::unexpected(error_of(answer));
    return watch.add(std::move(fd));
}

}  // namespace ramie::detail
