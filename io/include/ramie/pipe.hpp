// Pipes and FIFOs in blocking style. The rules are those of sockets (tcp.hpp): who owns an end, who may use it, what an
// abort, a timeout and close() do.
//
// Writing when no reader is left is std::errc::broken_pipe, and never a SIGPIPE: whatever the process does about that
// signal stays as it is, and a handler of its own is not called for these writes. (How: src/call/sigpipe.hpp.)
#pragma once

#include <ramie/byte_stream.hpp>
#include <ramie/detail/ready/descriptor_holder.hpp>
#include <ramie/unique_fd.hpp>

#include <cstddef>
#include <expected>
#include <filesystem>
#include <span>
#include <system_error>

namespace ramie {

struct pipe_ends;

struct pipe_options {
    std::size_t capacity = 0;  // bytes, rounded up by the system; 0: its own default (64 KiB)
};

// The end that is read. Move-only; destroying it closes it. Reads as byte_stream.hpp says; the end of the stream comes
// when the last writer, of any process, has closed it.
class pipe_reader : public detail::descriptor_holder, public byte_source<pipe_reader> {
  public:
    // A FIFO of the file system. Does not wait; the first read waits until a writer has come and written, or gone.
    static std::expected<pipe_reader, std::error_code> open(std::filesystem::path const& fifo);
    // Takes over the reading end of a pipe, and makes it non-blocking, also for those who share it. It is closed on
    // failure: std::errc::invalid_argument if it is no pipe.
    static std::expected<pipe_reader, std::error_code> adopt(unique_fd fd);

  private:
    friend byte_source<pipe_reader>;
    friend std::expected<pipe_ends, std::error_code> make_pipe(pipe_options const&);
    pipe_reader(detail::owned_descriptor d, bool plain) noexcept : descriptor_holder(std::move(d)), plain_(plain) {}
    std::expected<std::size_t, std::error_code> read_some(std::span<std::byte> into);
    std::expected<std::size_t, std::error_code> read_some(std::span<std::span<std::byte> const> into);

    // Made here: not of the kind that keeps packets apart, where a short read does not mean that it is empty.
    bool plain_;
};

// The end that is written. Move-only; destroying it closes it. Writes as byte_stream.hpp says; up to PIPE_BUF bytes
// (4096) in one write() go in whole.
class pipe_writer : public detail::descriptor_holder, public byte_sink<pipe_writer> {
  public:
    // A FIFO of the file system, once somebody has opened it for reading: it looks every 1 to 50 ms. Suspension point.
    static std::expected<pipe_writer, std::error_code> open(std::filesystem::path const& fifo);
    // Takes over the writing end of a pipe, as pipe_reader::adopt().
    static std::expected<pipe_writer, std::error_code> adopt(unique_fd fd);

  private:
    friend byte_sink<pipe_writer>;
    friend std::expected<pipe_ends, std::error_code> make_pipe(pipe_options const&);
    pipe_writer(detail::owned_descriptor d, bool plain) noexcept : descriptor_holder(std::move(d)), plain_(plain) {}
    std::expected<std::size_t, std::error_code> write_some(std::span<std::byte const> from);
    std::expected<std::size_t, std::error_code> write_some(std::span<std::span<std::byte const> const> from);

    bool plain_;
};

struct pipe_ends {
    pipe_reader reader;
    pipe_writer writer;
};

// A new pipe. Does not wait.
std::expected<pipe_ends, std::error_code> make_pipe(pipe_options const& options = {});

}  // namespace ramie
