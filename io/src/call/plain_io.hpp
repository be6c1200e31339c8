// read(2) and write(2) on watched descriptors that are not sockets of ours: pipes, terminals, devices, and sockets that
// other processes share.
#pragma once

#include <ramie/detail/ready/owned_descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <system_error>

#include <sys/types.h>

namespace ramie::detail {

// What a read of 0 bytes says before the system has reported a hang-up.
enum class zero_read : std::uint8_t {
    is_end,
    may_be_no_writer_yet  // a FIFO that was opened before its first writer came: wait for one
};

enum class plain_call : std::uint8_t {
    file,    // the descriptor is non-blocking
    socket   // it may be blocking: each call asks not to wait
};

// Suspension points.
std::expected<std::size_t, std::error_code> read_plain(owned_descriptor const& from, std::span<std::byte> into,
                                                       zero_read zero = zero_read::is_end,
                                                       plain_call by = plain_call::file);
std::expected<std::size_t, std::error_code> write_plain(owned_descriptor const& to, std::span<std::byte const> from,
                                                        plain_call by = plain_call::file);

// One system call: a count, or -errno. Never raises SIGPIPE (sigpipe.hpp).
ssize_t write_quietly(int fd, std::span<std::byte const> from) noexcept;

}  // namespace ramie::detail
