// Starting other programs.
//
//     auto const listing = ramie::command("ls").args({"-l", "/tmp"}).output();
//     auto child = ramie::command("sort").in(ramie::stdio::piped()).out(ramie::stdio::piped()).spawn();
#pragma once

#include <ramie/child.hpp>
#include <ramie/detail/ground/api.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace ramie {

// A child's standard input, output or error.
class stdio {
  public:
    // The same as this process has.
    static stdio inherit() noexcept { return stdio(kind::inherit, -1); }
    // /dev/null.
    static stdio null() noexcept { return stdio(kind::null, -1); }
    // A pipe; its other end is in the child object.
    static stdio piped() noexcept { return stdio(kind::piped, -1); }
    // An open descriptor; it stays the caller's, and must be open when the child is started. Ramie's own sockets and
    // pipes are non-blocking, and few programs can handle that.
    static stdio from(int fd) noexcept { return stdio(kind::descriptor, fd); }

  private:
    friend class command;
    enum class kind : std::uint8_t { inherit, null, piped, descriptor };
    stdio(kind k, int fd) noexcept : kind_(k), fd_(fd) {}
    kind kind_;
    int fd_;
};

struct command_output {
    exit_status status;
    std::string out;
    std::string err;
};

// A program to start, any number of times. A value; one thread at a time.
//
// The child gets no descriptors but its standard three and those passed on. No signal is blocked in it, and each has
// its default reaction. A text with a null character in it, or a bad name of an environment variable, is
// std::invalid_argument.
class command {
  public:
    // A name without a slash is looked for in this process's PATH.
    RAMIE_API explicit command(std::string program);

    RAMIE_API command& arg(std::string value);
    RAMIE_API command& args(std::initializer_list<std::string> values);
    RAMIE_API command& args(std::vector<std::string> values);

    // The child's environment is this process's, as it is when the child is started, with these changes.
    RAMIE_API command& env(std::string name, std::string value);
    RAMIE_API command& env_remove(std::string name);
    // Removes all of this process's variables.
    RAMIE_API command& env_clear();

    // The child's working directory; a relative program path is relative to it.
    RAMIE_API command& current_dir(std::string path);

    // Default: inherit; for output(): null, piped, piped.
    RAMIE_API command& in(stdio s);
    RAMIE_API command& out(stdio s);
    RAMIE_API command& err(stdio s);
    // Gives the child one more descriptor, besides the standard ones: the first one passed is 3 in the child, the next
    // 4, and so on. It stays the caller's, and must be open when the child is started.
    RAMIE_API command& pass(int fd);

    // A child that still runs when its child object is destroyed gets SIGKILL.
    RAMIE_API command& kill_on_drop(bool on = true);
    // Its own process group: a Ctrl-C in the terminal does not reach it.
    RAMIE_API command& own_process_group(bool on = true);
    // The most bytes that output() takes from each of the two streams. Default: 64 MiB.
    RAMIE_API command& output_limit(std::size_t bytes);

    // Starts the program. The error is the system's, also if the program cannot be executed (no_such_file_or_directory,
    // permission_denied, executable_format_error) or the directory cannot be entered. It takes as long as the system
    // needs to begin the program, about a millisecond, and is no suspension point. Throws no_runtime outside a runtime.
    // (Where there are no pidfds, before Linux 5.3, each wait for a child listens to SIGCHLD; see signals.)
    RAMIE_API std::expected<child, std::error_code> spawn() const;
    // Starts the program and waits for its end. After an abort or a timeout the child runs on, unless kill_on_drop; if
    // the wait itself fails, the child is killed. Suspension point.
    RAMIE_API std::expected<exit_status, std::error_code> status() const;
    // Starts the program, reads all it writes and waits for its end; else as status(). stream_errc::too_long: it wrote
    // more than output_limit(), and was killed.
    RAMIE_API std::expected<command_output, std::error_code> output() const;

  private:
    struct prepared;
    std::expected<child, std::error_code> spawn_with(stdio in, stdio out, stdio err) const;
    std::vector<std::string> environment() const;
    void change(std::string name, std::optional<std::string> value);

    std::vector<std::string> arguments_;  // the program is the first
    std::vector<std::pair<std::string, std::optional<std::string>>> changes_;  // of the environment; none: removed
    bool clear_ = false;
    std::optional<std::string> directory_;
    std::optional<stdio> in_, out_, err_;
    std::vector<int> passed_;
    bool kill_on_drop_ = false;
    bool own_group_ = false;
    std::size_t output_limit_ = std::size_t(64) << 20;
};

}  // namespace ramie
