// Reading and writing, the same for all streams of bytes. A stream class derives from byte_source<itself>,
// byte_sink<itself> or both, and defines a single step.
//
// All of these are suspension points. One reader and one writer at once is the rule; several of each are possible. An
// abort or a timeout throws out of the wait and leaves the stream usable. Bytes that were read or written by then are
// counted in `done`; a caller that did not ask for `done` loses that count.
#pragma once

#include <ramie/detail/ground/least_most.hpp>
#include <ramie/detail/stream/exact_reading.hpp>
#include <ramie/detail/stream/whole_writing.hpp>
#include <ramie/io_error.hpp>

#include <array>
#include <cstddef>
#include <expected>
#include <span>
#include <string_view>
#include <system_error>

namespace ramie {

namespace detail {

// How many buffers one system call takes.
inline constexpr std::size_t most_spans = 64;

// What is left of several buffers after their first `skip` bytes: as many buffers as one system call takes.
class rest_of_spans {
  public:
    rest_of_spans(std::span<std::span<std::byte const> const> all, std::size_t skip) noexcept {
        for (auto const& each : all) {
            auto const left = each.subspan(detail::least(skip, each.size()));
            skip -= each.size() - left.size();
            if (left.empty()) continue;
            spans_[count_++] = left;
            if (count_ == most_spans) return;
        }
    }
    bool empty() const noexcept { return count_ == 0; }
    std::span<std::span<std::byte const> const> spans() const noexcept { return std::span(spans_).first(count_); }

  private:
    std::array<std::span<std::byte const>, most_spans> spans_;
    std::size_t count_ = 0;
};

}  // namespace detail

// Self must have, for byte_source: read_some(std::span<std::byte>), read_some(std::span<std::span<std::byte> const>)
template <class Self>
class byte_source : public detail::exact_reading<Self> {
  public:
    // Reads the bytes that have come, waiting for at least one. 0: the other side has sent its last byte, or `into` is
    // empty.
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) { return self().read_some(into); }
    std::expected<std::size_t, std::error_code> read(std::span<char> into) {
        return read(std::as_writable_bytes(into));
    }
    // The same into several buffers, one after the other, in one system call (which takes the first 64 of them).
    std::expected<std::size_t, std::error_code> read_vectored(std::span<std::span<std::byte> const> into) {
        return self().read_some(into);
    }

  private:
    Self& self() noexcept { return static_cast<Self&>(*this); }
};

// Self must have, for byte_sink: write_some(std::span<std::byte const>), write_some(std::span<std::span<std::byte
// const> const>)
template <class Self>
class byte_sink : public detail::whole_writing<Self> {
  public:
    // Writes at least one byte, as many as there is room for, waiting for room if need be. 0: `from` is empty.
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) {
        return self().write_some(from);
    }
    std::expected<std::size_t, std::error_code> write(std::string_view from) { return write(bytes_of(from)); }
    // The same from several buffers, one after the other, in one system call (which takes the first 64 of them).
    std::expected<std::size_t, std::error_code> write_vectored(std::span<std::span<std::byte const> const> from) {
        return self().write_some(from);
    }

    // Writes all bytes of several buffers; `done` counts over all of them.
    std::expected<std::size_t, io_error> write_all_vectored(std::span<std::span<std::byte const> const> from,
                                                            std::size_t& done) {
        done = 0;
        for (;;) {
            detail::rest_of_spans const rest(from, done);
            if (rest.empty()) return done;
            auto const count = self().write_some(rest.spans());
            if (!count) return std::unexpected(io_error{count.error(), done});
            done += *count;
        }
    }
    std::expected<std::size_t, io_error> write_all_vectored(std::span<std::span<std::byte const> const> from) {
        std::size_t done = 0;
        return write_all_vectored(from, done);
    }

  private:
    Self& self() noexcept { return static_cast<Self&>(*this); }
    static std::span<std::byte const> bytes_of(std::string_view text) noexcept {
        return std::as_bytes(std::span(text));
    }
};

}  // namespace ramie
