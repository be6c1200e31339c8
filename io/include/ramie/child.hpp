// A running child process, and how it ended. command.hpp starts one.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/pipe.hpp>

#include <csignal>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <sys/types.h>

namespace ramie {

namespace detail {
class child_process;
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
    // The signal that killed it; none if it ended by itself.
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
RAMIE_API std::string to_string(exit_status s);

// The parent's ends of the pipes to a child's standard input and from its standard output or error. Destroying or
// closing child_stdin ends the child's input. A child_stdout is at its end when every process that can write to it (the
// child, and perhaps its own children) has closed it or ended.
using child_stdin = pipe_writer;
using child_stdout = pipe_reader;

// A process that command::spawn started. Move-only. A child that still runs when this object is destroyed runs on,
// unless its command said kill_on_drop. It is always reaped when it ends, so there is never a zombie.
class child {
  public:
    RAMIE_API child(child&&) noexcept;
    RAMIE_API child& operator=(child&&) noexcept;
    RAMIE_API ~child();

    RAMIE_API pid_t id() const noexcept;

    // The pipes that the command asked for; may be moved out or reset.
    std::optional<child_stdin> in;
    std::optional<child_stdout> out;
    std::optional<child_stdout> err;

    // Waits for its end. Closes `in` first, if that is still here, for a child that reads to the end of its input. May
    // be called again. errc::no_child_process if other code in this process has reaped it, or SIGCHLD is ignored. An
    // abort or a timeout leaves the child as it is. Other fibers may call try_wait() and kill() meanwhile. Suspension
    // point.
    RAMIE_API std::expected<exit_status, std::error_code> wait();
    // None: it still runs. Does not wait.
    RAMIE_API std::expected<std::optional<exit_status>, std::error_code> try_wait();

    // Sends a signal: errc::no_such_process once the end was waited for. Never hits another process. Does not wait.
    RAMIE_API std::expected<void, std::error_code> kill(int signal_number = SIGKILL);

  private:
    friend class command;
    explicit child(std::unique_ptr<detail::child_process> p) noexcept;
    std::unique_ptr<detail::child_process> process_;
};

}  // namespace ramie
