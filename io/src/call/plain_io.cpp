#include "call/plain_io.hpp"

#include "call/answer.hpp"
#include "call/sigpipe.hpp"
#include "call/transfer.hpp"
#include "libc/libc_calls.hpp"

#include <ramie/detail/ground/config.hpp>

#include <sys/socket.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

RAMIE_NOIPA ssize_t read_once(int fd, std::span<std::byte> into, plain_call by) noexcept {
    return answer_of([&] {
        return by == plain_call::socket ? libc().recv(fd, into.data(), into.size(), MSG_DONTWAIT)
                                        : libc().read(fd, into.data(), into.size());
    });
}

RAMIE_NOIPA ssize_t write_once(int fd, std::span<std::byte const> from, plain_call by) noexcept {
    if (by == plain_call::file) return write_quietly(fd, from);
    return answer_of([&] { return libc().send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
}

}  // namespace

ssize_t write_quietly(int fd, std::span<std::byte const> from) noexcept {
    iovec const whole{const_cast<std::byte*>(from.data()), from.size()};
    return without_sigpipe::write(fd, &whole, 1);
}

// A short read proves nothing here: a terminal gives one line at a time, and if all writers of a pipe were gone before
// it was watched, no report will tell. So the pipe is read until the system says that nothing is left.
std::expected<std::size_t, std::error_code> read_plain(owned_descriptor const& from, std::span<std::byte> into,
                                                       zero_read zero, plain_call by) {
    if (into.empty()) return transfer_nothing(from, "read");
    return transfer(from, direction::read, "read", [&](int fd, readiness noted) {
        auto const answer = read_once(fd, into, by);
        bool const end = zero == zero_read::is_end || noted.ended(direction::read);
        return attempt{answer == 0 && !end ? -EAGAIN : answer};
    });
}

std::expected<std::size_t, std::error_code> write_plain(owned_descriptor const& to, std::span<std::byte const> from,
                                                        plain_call by) {
    if (from.empty()) return transfer_nothing(to, "write");
    return transfer(to, direction::write, "write", [&](int fd) { return attempt{write_once(fd, from, by)}; });
}

}  // namespace ramie::detail
