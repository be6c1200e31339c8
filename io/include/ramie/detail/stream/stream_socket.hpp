// Shared by connected stream sockets: writing, peeking, sending files, ending a direction. (Reading differs.)
#pragma once

#include <ramie/byte_stream.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ready/descriptor_holder.hpp>

#include <cstdint>

namespace ramie {

enum class shutdown_side { read, write, both };

namespace detail {

class stream_socket : public descriptor_holder, public byte_sink<stream_socket> {
  public:
    // Reads the bytes that have come without taking them away; else as read(). Suspension point.
    RAMIE_API std::expected<std::size_t, std::error_code> peek(std::span<std::byte> into);
    std::expected<std::size_t, std::error_code> peek(std::span<char> into) {
        return peek(std::as_writable_bytes(into));
    }

    // Sends bytes of an open file from `offset` on, without copying them through the process; the file's own position
    // stays. Returns how many: at least one, as many as there is room for; 0 at the file's end, or if `count` is 0.
    // Suspension point, while there is no room. Bytes that are not in memory are read from the disk during the call,
    // which keeps the worker busy.
    std::expected<std::size_t, std::error_code> send_file(int file, std::uint64_t offset, std::size_t count);

    // Ends one direction or both: the peer reads to the end; calls that wait here in that direction return. Does not
    // wait.
    RAMIE_API std::expected<void, std::error_code> shutdown(shutdown_side side);
    std::expected<void, std::error_code> shutdown_write() { return shutdown(shutdown_side::write); }

    // How many bytes the system buffers for each direction; it may take more or less than was asked for (Linux doubles
    // it).
    RAMIE_API std::expected<void, std::error_code> set_send_buffer(std::size_t bytes);
    std::expected<void, std::error_code> set_receive_buffer(std::size_t bytes);

  protected:
    using descriptor_holder::descriptor_holder;

  private:
    friend byte_sink<stream_socket>;
    RAMIE_API std::expected<std::size_t, std::error_code> write_some(std::span<std::byte const> from);
    RAMIE_API std::expected<std::size_t, std::error_code> write_some(std::span<std::span<std::byte const> const> from);
};

}  // namespace detail

}  // namespace ramie
