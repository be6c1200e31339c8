// read_exactly() for every class that has read(std::span<std::byte>).
#pragma once

#include <ramie/io_error.hpp>

#include <cstddef>
#include <expected>
#include <span>

namespace ramie::detail {

template <class Self>
class exact_reading {
  public:
    // Fills `into`. stream_errc::unexpected_end if the end comes before. `done` counts as it goes, so it is right also
    // after an abort. Suspension point.
    std::expected<std::size_t, io_error> read_exactly(std::span<std::byte> into, std::size_t& done) {
        done = 0;
        while (done < into.size()) {
            auto const count = static_cast<Self&>(*this).read(into.subspan(done));
            if (!count) return std::unexpected(io_error{count.error(), done});
            if (*count == 0) return std::unexpected(io_error{stream_errc::unexpected_end, done});
            done += *count;
        }
        return done;
    }
    std::expected<std::size_t, io_error> read_exactly(std::span<std::byte> into) {
        std::size_t done = 0;
        return read_exactly(into, done);
    }
    std::expected<std::size_t, io_error> read_exactly(std::span<char> into, std::size_t& done) {
        return read_exactly(std::as_writable_bytes(into), done);
    }
    std::expected<std::size_t, io_error> read_exactly(std::span<char> into) {
        return read_exactly(std::as_writable_bytes(into));
    }
};

}  // namespace ramie::detail
