// Reading and writing any stream socket.
#pragma once

#include <ramie/detail/owned_descriptor.hpp>
#include <ramie/io_error.hpp>

#include <cstddef>
#include <expected>
#include <span>

namespace ramie::detail {

// Suspension points all. tcp.hpp says what each promises.
std::expected<std::size_t, std::error_code> receive(owned_descriptor const& from, std::span<std::byte> into);
std::expected<std::size_t, std::error_code> send(owned_descriptor const& to, std::span<std::byte const> from);
std::expected<std::size_t, io_error> receive_exactly(owned_descriptor const& from, std::span<std::byte> into,
                                                     std::size_t& done);
std::expected<std::size_t, io_error> send_all(owned_descriptor const& to, std::span<std::byte const> from,
                                              std::size_t& done);

}  // namespace ramie::detail
