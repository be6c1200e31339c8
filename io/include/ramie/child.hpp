// A running child process, and how it ended. command.hpp starts one.
#pragma once

#include <ramie/detail/owned_descriptor.hpp>
#include <ramie/detail/whole_writing.hpp>
#include <ramie/io_error.hpp>

#include <csignal>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/types.h>

namespace ramie {

namespace detail {
class child_process;
struct child_maker;
}  // namespace detail

// How a process ended: by itself, with a code, or killed by a signal. A value.
class exit_status {
  public:
    static exit_status of_code(int code) noexcept { return exit_status(code, 0, false); }
    static exit_status of_signal(int number, bool core_dumped) noexcept { return exit_status(0, number, core_dumped); }

    // It ended by itself, with code 0.
    bool success() const noexcept { return signal_ == 0 && code_ == 0; }
    // 0 to 255; none if it was killed.
    std::optional<int> code() const noexcept { return signal_ == 0 ? std::optional(code_) : std::nullopt; }
    // What killed it; none if it ended by itself.
    std::optional<int> signal() const noexcept { return signal_ != 0 ? std::optional(signal_) : std::nullopt; }
    bool core_dumped() const noexcept { return core_dumped_; }

    friend bool operator==(exit_status const&, exit_status const&) = default;

  private:
    exit_status(int code, int number, bool core) noexcept : code_(code), signal_(number), core_dumped_(core) {}
    int code_;
    int signal_;
    bool core_dumped_;
};

// "exit code 1", "killed by signal 9 (Killed)".
std::string to_string(exit_status s);

// The parent's end of a pipe to the child's standard input. Move-only; destroying or closing it is the end of the
// input. Waits, aborts and close() are as for a tcp_stream.
class child_stdin : public detail::whole_writing<child_stdin> {
  public:
    // At least one byte, as many as there is room for. errc::broken_pipe, and no signal, if nobody will read it.
    // Suspension point.
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from);
    std::expected<std::size_t, std::error_code> write(std::string_view from) {
        return write(std::as_bytes(std::span(from)));
    }

    void close() noexcept { descriptor_.close(); }
    int native_handle() const noexcept { return descriptor_.fd(); }

  private:
    friend detail::child_maker;
    explicit child_stdin(detail::owned_descriptor d) noexcept : descriptor_(std::move(d)) {}
    detail::owned_descriptor descriptor_;
};

// The parent's end of a pipe from the child's standard output or error. Move-only. Waits, aborts and close() are as for
// a tcp_stream.
class child_stdout {
  public:
    // At least one byte; 0: everybody who could write has closed it or ended, or `into` is empty. Suspension point.
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into);
    std::expected<std::size_t, std::error_code> read(std::span<char> into) {
        return read(std::as_writable_bytes(into));
    }

    void close() noexcept { descriptor_.close(); }
    int native_handle() const noexcept { return descriptor_.fd(); }

  private:
    friend detail::child_maker;
    explicit child_stdout(detail::owned_descriptor d) noexcept : descriptor_(std::move(d)) {}
    detail::owned_descriptor descriptor_;
};

// A process that command::spawn started. Move-only. A child that is still running when this is destroyed runs on,
// unless its command said kill_on_drop; when it ends it is reaped all the same, so there is never a zombie.
class child {
  public:
    child(child&&) noexcept;
    child& operator=(child&&) noexcept;
    ~child();

    pid_t id() const noexcept;

    // What was asked to be piped; to be moved out or reset at will.
    std::optional<child_stdin> in;
    std::optional<child_stdout> out;
    std::optional<child_stdout> err;

    // Waits for its end; closes `in` first, if it is still here, for a child that reads to the end of its input. May be
    // called again. errc::no_child_process if somebody else in this process has reaped it, or SIGCHLD is ignored. An
    // abort or a timeout leaves the child as it is. Others may call try_wait() and kill() meanwhile. Suspension point.
    std::expected<exit_status, std::error_code> wait();
    // None: it is still running. Does not wait.
    std::expected<std::optional<exit_status>, std::error_code> try_wait();

    // Sends it a signal: errc::no_such_process once it was waited for. Never hits another process. Does not wait.
    std::expected<void, std::error_code> kill(int signal_number = SIGKILL);

  private:
    friend detail::child_maker;
    explicit child(std::unique_ptr<detail::child_process> p) noexcept;
    std::unique_ptr<detail::child_process> process_;
};

}  // namespace ramie
