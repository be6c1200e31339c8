// Writing all bytes.
#pragma once

#include <ramie/stream_concepts.hpp>
#include <ramie/io_error.hpp>

#include <cstddef>
#include <expected>
#include <span>
#include <string_view>
#include <system_error>

namespace ramie {

// Writes all of `from`; returns `from.size()` on success. `done` counts as it goes, so it is right also after an abort.
// errc::io_error if the sink takes no byte and gives no error. Suspension point.
template <writable_stream S>
std::expected<std::size_t, io_error> write_all(S&& to, std::span<std::byte const> from, std::size_t& done) {
    done = 0;
    while (done < from.size()) {
        auto const count = to.write(from.subspan(done));
        if (!count) return std::unexpected(io_error{count.error(), done});
        if (*count == 0) return std::unexpected(io_error{std::make_error_code(std::errc::io_error), done});
        done += *count;
    }
    return done;
}
template <writable_stream S>
std::expected<std::size_t, io_error> write_all(S&& to, std::span<std::byte const> from) {
    std::size_t done = 0;
    return write_all(to, from, done);
}
template <writable_stream S>
std::expected<std::size_t, io_error> write_all(S&& to, std::string_view from, std::size_t& done) {
    return write_all(to, detail::bytes_of(from), done);
}
template <writable_stream S>
std::expected<std::size_t, io_error> write_all(S&& to, std::string_view from) {
    return write_all(to, detail::bytes_of(from));
}

}  // namespace ramie
