// The process's standard input, output and error, for fibers.
//
//     auto in = ramie::stdin_stream().value();
//     ramie::buffered_reader lines(in);
//
// The process shares them with the program that started it, and their flags, too: a shell fails if its terminal
// suddenly becomes non-blocking. So their flags are not changed. A terminal or a pipe is opened a second time for this
// process alone (by /proc/self/fd), non-blocking, and watched like a socket. On a socket, each call asks not to wait.
// Files and devices are read and written on the blocking pool, at the position shared with others. So is a terminal or
// a pipe that cannot be opened again (it is another user's, or there is no /proc): then a thread of the pool also waits
// for it.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ready/owned_descriptor.hpp>
#include <ramie/detail/stream/whole_writing.hpp>
#include <ramie/io_error.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace ramie {

class standard_input;
class standard_output;

// The streams as they are at this moment; errc::bad_file_descriptor if the process has none. Throw no_runtime outside a
// runtime. Do not wait.
RAMIE_API std::expected<standard_input, std::error_code> stdin_stream();
RAMIE_API std::expected<standard_output, std::error_code> stdout_stream();
RAMIE_API std::expected<standard_output, std::error_code> stderr_stream();

namespace detail {

class pool_file;

// Shared by input and output. Move-only.
class standard_stream {
  public:
    RAMIE_API standard_stream(standard_stream&&) noexcept;
    standard_stream& operator=(standard_stream&&) noexcept;

    // Waiting calls return. Descriptor 0, 1 or 2 stays open. May be called again, and by any fiber or thread.
    RAMIE_API void close() noexcept;

  protected:
    enum class kind : std::uint8_t {
        watched,
        socket,   // watched too
        direct,   // on the pool: it never waits for another process
        awaited   // on the pool: a terminal or pipe, for which a thread has to wait
    };

    RAMIE_API standard_stream(std::shared_ptr<pool_file> on_pool, owned_descriptor watched, kind k) noexcept;
    RAMIE_API ~standard_stream();

    friend std::expected<standard_input, std::error_code> ramie::stdin_stream();
    friend std::expected<standard_output, std::error_code> ramie::stdout_stream();
    friend std::expected<standard_output, std::error_code> ramie::stderr_stream();
    template <class Stream>
    static std::expected<Stream, std::error_code> open(int fd, bool to_read);

    std::shared_ptr<pool_file> on_pool_;
    owned_descriptor watched_;
    kind kind_;
};

}  // namespace detail

// Reading; one fiber at a time.
class standard_input : public detail::standard_stream {
  public:
    // At least one byte, waiting for it; a terminal usually gives one line. 0: the end, or `into` is empty. If an abort
    // or a timeout ended an earlier wait, the bytes read by then come with the next read. Suspension point.
    RAMIE_API std::expected<std::size_t, std::error_code> read(std::span<std::byte> into);
    std::expected<std::size_t, std::error_code> read(std::span<char> into) {
        return read(std::as_writable_bytes(into));
    }

  private:
    friend standard_stream;
    using standard_stream::standard_stream;
};

// Writing, without a buffer of its own; each write is as if by write(2).
class standard_output : public detail::standard_stream, public detail::whole_writing<standard_output> {
  public:
    // At least one byte, waiting for room. errc::broken_pipe, and no signal, without a reader. After an abort or a
    // timeout, a write to a file may still happen. Suspension point.
    RAMIE_API std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from);
    std::expected<std::size_t, std::error_code> write(std::string_view from) {
        return write(std::as_bytes(std::span(from)));
    }

  private:
    friend standard_stream;
    using standard_stream::standard_stream;
};

}  // namespace ramie
