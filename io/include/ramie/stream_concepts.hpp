// What can be read from and written to: sockets, pipes, files, buffers, and every type of the user's own that has the
// same two calls.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <concepts>
#include <cstddef>
#include <expected>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace ramie {

// read(into): at least one byte, waiting for it if need be; 0 is the end (or `into` is empty).
template <class S>
concept readable_stream = requires(std::remove_reference_t<S>& s, std::span<std::byte> into) {
    { s.read(into) } -> std::same_as<std::expected<std::size_t, std::error_code>>;
};

// write(from): takes at least one byte, waiting for room if need be; 0 only if `from` is empty.
template <class S>
concept writable_stream = requires(std::remove_reference_t<S>& s, std::span<std::byte const> from) {
    { s.write(from) } -> std::same_as<std::expected<std::size_t, std::error_code>>;
};

// A sink that can tell its reader that there is no more.
template <class S>
concept half_closable_stream = writable_stream<S> && requires(std::remove_reference_t<S>& s) {
    { s.shutdown_write() } -> std::same_as<std::expected<void, std::error_code>>;
};

// A source that shows the bytes it holds before they are taken: see buffered_reader.
template <class S>
concept buffered_readable_stream = readable_stream<S> && requires(std::remove_reference_t<S>& s, std::size_t n) {
    { s.fill_buf() } -> std::same_as<std::expected<std::span<std::byte const>, std::error_code>>;
    s.consume(n);
};

// A sink that keeps bytes back until flush(): see buffered_writer.
template <class S>
concept buffered_writable_stream = writable_stream<S> && requires(std::remove_reference_t<S>& s) {
    { s.flush() } -> std::same_as<std::expected<void, std::error_code>>;
};

namespace detail {
inline std::span<std::byte const> bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }
}  // namespace detail

}  // namespace ramie
