#include "byte_stream.hpp"

#include "operation.hpp"
#include "socket_call.hpp"

#include <cerrno>

namespace ramie::detail {

namespace {

// One transfer of up to `size` bytes, by a call that answers a count or -errno.
template <class Call>
std::expected<std::size_t, std::error_code> transfer(owned_descriptor const& with, direction d, char const* what,
                                                     std::size_t size, Call&& call) {
    operation const mine(with, what);
    if (!mine) return std::unexpected(closed_before());
    if (size == 0) return 0;
    for (;;) {
        auto const noted = mine.wait_ready(d);
        if (!noted) return std::unexpected(noted.error());
        auto const answer = call(mine.fd());
        if (answer >= 0) {
            auto const count = static_cast<std::size_t>(answer);
            if (count > 0 && count < size) mine.found_short(d, *noted);
            return count;
        }
        if (answer != -EAGAIN) return std::unexpected(error_of(answer));
        mine.found_empty(d, *noted);
    }
}

}  // namespace

std::expected<std::size_t, std::error_code> receive(owned_descriptor const& from, std::span<std::byte> into) {
    return transfer(from, direction::read, "read", into.size(), [&](int fd) { return socket_call::receive(fd, into); });
}

std::expected<std::size_t, std::error_code> send(owned_descriptor const& to, std::span<std::byte const> from) {
    return transfer(to, direction::write, "write", from.size(), [&](int fd) { return socket_call::send(fd, from); });
}

std::expected<std::size_t, io_error> receive_exactly(owned_descriptor const& from, std::span<std::byte> into,
                                                     std::size_t& done) {
    done = 0;
    while (done < into.size()) {
        auto const count = receive(from, into.subspan(done));
        if (!count) return std::unexpected(io_error{count.error(), done});
        if (*count == 0) return std::unexpected(io_error{stream_errc::unexpected_end, done});
        done += *count;
    }
    return done;
}

std::expected<std::size_t, io_error> send_all(owned_descriptor const& to, std::span<std::byte const> from,
                                              std::size_t& done) {
    done = 0;
    while (done < from.size()) {
        auto const count = send(to, from.subspan(done));
        if (!count) return std::unexpected(io_error{count.error(), done});
        done += *count;
    }
    return done;
}

}  // namespace ramie::detail
