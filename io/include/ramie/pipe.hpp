// Pipes and FIFOs in blocking style. The rules are those of sockets (tcp.hpp): which runtime an end belongs to, which
// fibers and threads may use it, and what an abort, a timeout and close() do.
//
// Writing without a reader is std::errc::broken_pipe, and never a SIGPIPE: the process's reaction to that signal does
// not change, and a handler of its own is not called for these writes. (How: src/call/sigpipe.hpp.)
#pragma once

#include <ramie/byte_stream.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/net/socket_case.hpp>
#include <ramie/detail/ready/descriptor_holder.hpp>
#include <ramie/unique_fd.hpp>

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <system_error>

namespace ramie {

struct pipe_ends;

struct pipe_options {
    std::size_t capacity = 0;  // bytes, rounded up by the system; 0: its own default (64 KiB)
};

// The reading end. Move-only; destroying it closes it. Reads as byte_stream.hpp says; the stream ends when the last
// writer, of any process, has closed it.
class pipe_reader : public detail::descriptor_holder, public byte_source<pipe_reader> {
  public:
    // Opens a FIFO of the file system. Does not wait; the first read waits until a writer has come and has written, or
    // gone.
    RAMIE_API static std::expected<pipe_reader, std::error_code> open(std::string const& fifo);
    // Takes over the reading end of a pipe, and makes it non-blocking, for all processes that share it. It is closed on
    // failure: std::errc::invalid_argument if it is not a pipe.
    RAMIE_API static std::expected<pipe_reader, std::error_code> adopt(unique_fd fd);

  private:
    friend byte_source<pipe_reader>;
    friend std::expected<pipe_ends, std::error_code> make_pipe(pipe_options const&);
    pipe_reader(detail::owned_descriptor d, bool plain) noexcept : descriptor_holder(std::move(d)), plain_(plain) {}
    RAMIE_API std::expected<std::size_t, std::error_code> read_some(std::span<std::byte> into);
    RAMIE_API std::expected<std::size_t, std::error_code> read_some(std::span<std::span<std::byte> const> into);

    // Made here, so it is not in packet mode, where a short read does not mean that the pipe is empty.
    bool plain_;
};

// The writing end. Move-only; destroying it closes it. Writes as byte_stream.hpp says; up to PIPE_BUF bytes (4096) in
// one write() go in as one piece.
class pipe_writer : public detail::descriptor_holder, public byte_sink<pipe_writer> {
  public:
    // Opens a FIFO of the file system, once it has a reader: looks every 1 to 50 ms. Suspension point.
    RAMIE_API static std::expected<pipe_writer, std::error_code> open(std::string const& fifo);
    // Takes over the writing end of a pipe, as pipe_reader::adopt().
    RAMIE_API static std::expected<pipe_writer, std::error_code> adopt(unique_fd fd);

  private:
    friend byte_sink<pipe_writer>;
    friend std::expected<pipe_ends, std::error_code> make_pipe(pipe_options const&);
    pipe_writer(detail::owned_descriptor d, bool plain) noexcept : descriptor_holder(std::move(d)), plain_(plain) {}
    RAMIE_API std::expected<std::size_t, std::error_code> write_some(std::span<std::byte const> from);
    RAMIE_API std::expected<std::size_t, std::error_code> write_some(std::span<std::span<std::byte const> const> from);

    bool plain_;
};

struct pipe_ends {
    pipe_reader reader;
    pipe_writer writer;
};

// A new pipe. Does not wait.
RAMIE_API std::expected<pipe_ends, std::error_code> make_pipe(pipe_options const& options = {});

// Cases of a select (<ramie/select.hpp>), as those of a tcp_stream (tcp.hpp).
// handler(std::expected<void, std::error_code>).
template <class Handler>
auto on_readable(pipe_reader& from, Handler handler) {
    return detail::readiness_case<Handler>(from, detail::direction::read, std::move(handler));
}
template <class Handler>
auto on_writable(pipe_writer& to, Handler handler) {
    return detail::readiness_case<Handler>(to, detail::direction::write, std::move(handler));
}

}  // namespace ramie
