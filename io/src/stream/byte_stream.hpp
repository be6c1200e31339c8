// Reading and writing any stream socket.
#pragma once

#include <ramie/detail/ready/owned_descriptor.hpp>

#include <cstddef>
#include <expected>
#include <span>
#include <system_error>

namespace ramie::detail {

// All are suspension points. <ramie/byte_stream.hpp> says what each promises.
std::expected<std::size_t, std::error_code> receive(owned_descriptor const& from, std::span<std::byte> into);
std::expected<std::size_t, std::error_code> receive(owned_descriptor const& from,
                                                    std::span<std::span<std::byte> const> into);
std::expected<std::size_t, std::error_code> send(owned_descriptor const& to, std::span<std::byte const> from);
std::expected<std::size_t, std::error_code> send(owned_descriptor const& to,
                                                 std::span<std::span<std::byte const> const> from);

}  // namespace ramie::detail
