#include "plain_io.hpp"

#include "answer.hpp"
#include "operation.hpp"
#include "posix/libc_calls.hpp"
#include "sigpipe.hpp"

#include <ramie/detail/config.hpp>

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

// A short read says nothing here: a terminal gives one line at a time, and of a pipe whose writers were gone before it
// was watched, no report says so. So it is read until the system says that nothing is left.
std::expected<std::size_t, std::error_code> read_plain(owned_descriptor const& from, std::span<std::byte> into,
                                                       zero_read zero, plain_call by) {
    operation const mine(from, "read");
    if (!mine) return std::unexpected(closed_before());
    if (into.empty()) return 0;
    for (;;) {
        auto const noted = mine.wait_ready(direction::read);
        if (!noted) return std::unexpected(noted.error());
        auto const answer = read_once(mine.fd(), into, by);
        if (answer > 0) return static_cast<std::size_t>(answer);
        bool const end = answer == 0 && (zero == zero_read::is_end || noted->ended(direction::read));
        if (end) return 0;
        if (answer < 0 && answer != -EAGAIN) return std::unexpected(error_of(answer));
        mine.found_empty(direction::read, *noted);
    }
}

std::expected<std::size_t, std::error_code> write_plain(owned_descriptor const& to, std::span<std::byte const> from,
                                                        plain_call by) {
    operation const mine(to, "write");
    if (!mine) return std::unexpected(closed_before());
    if (from.empty()) return 0;
    for (;;) {
        auto const noted = mine.wait_ready(direction::write);
        if (!noted) return std::unexpected(noted.error());
        auto const answer = write_once(mine.fd(), from, by);
        if (answer >= 0) return static_cast<std::size_t>(answer);
        if (answer != -EAGAIN) return std::unexpected(error_of(answer));
        mine.found_empty(direction::write, *noted);
    }
}

}  // namespace ramie::detail
