#include "settings/options.hpp"

#include "settings/dump_signal.hpp"

#include <ramie/detail/machine/processors.hpp>
#include <ramie/detail/stack/stack.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

constexpr unsigned most_workers = 1024;

[[noreturn]] void refuse(std::string const& option, std::string const& value, std::string const& accepted) {
    throw std::invalid_argument("ramie: " + option + " is " + value + "; accepted " + accepted);
}

[[noreturn]] void refuse(std::string const& option, std::string const& value, std::uint64_t least, std::uint64_t most) {
    refuse(option, value, "are " + std::to_string(least) + " to " + std::to_string(most));
}

// The given value, or the environment's, or the default; always within [least, most].
std::uint64_t number(char const* option, char const* variable, std::optional<std::uint64_t> given, std::uint64_t fallback,
                     std::uint64_t least, std::uint64_t most) {
    if (given) {
        if (*given < least || *given > most) refuse(option, std::to_string(*given), least, most);
        return *given;
    }
    char const* const text = std::getenv(variable);
    if (text == nullptr) return fallback;
    std::string_view const view(text);
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
    if (error != std::errc() || end != view.data() + view.size() || value < least || value > most)
        refuse(std::string("the environment variable ") + variable, "\"" + std::string(view) + "\"", least, most);
    return value;
}

template <class T>
std::optional<std::uint64_t> as_number(std::optional<T> const& given) {
    if (!given) return std::nullopt;
    if constexpr (requires { given->count(); }) {
        return given->count() < 0 ? 0 : static_cast<std::uint64_t>(given->count());
    } else {
        return static_cast<std::uint64_t>(*given);
    }
}

// --- dumps ---

int settle_dump_signal(std::optional<int> given, int fallback) {
    auto const accepted = "are " + std::string(accepted_dump_signals);
    if (given) {
        if (!may_ask_for_dumps(*given)) refuse("dump_on", std::to_string(*given), accepted);
        return *given;
    }
    char const* const text = std::getenv("RAMIE_DUMP_ON");
    if (text == nullptr) return fallback;
    auto const number = dump_signal_of(text);
    if (!number) refuse("the environment variable RAMIE_DUMP_ON", "\"" + std::string(text) + "\"", accepted);
    return *number;
}

// Complete, because a daemon changes its directory. That it cannot be written is better known now than at the first dump.
std::string settle_dump_file() {
    char const* const text = std::getenv("RAMIE_DUMP_FILE");
    if (text == nullptr) return {};
    std::error_code error;
    auto const file = std::filesystem::absolute(text, error).string();
    auto const fd = *text == 0 ? -1 : ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    auto const why = *text == 0 ? ENOENT : errno;
    if (fd >= 0) ::close(fd);
    else if (why != ENXIO)  // a pipe that nobody reads yet
        refuse("the environment variable RAMIE_DUMP_FILE", "\"" + std::string(text) + "\"",
               "is a file that can be written (" + std::system_category().message(why) + ")");
    return file;
}

void print_failure(join_error const& e) { std::fprintf(stderr, "ramie: %s, and no handle receives that\n", e.what()); }

}  // namespace

settings settle(runtime_options const& o) {
    settings s;
    s.current_thread = number("current_thread", "RAMIE_CURRENT_THREAD", as_number(o.current_thread), 0, 0, 1) != 0;
    auto const usual = std::min(usable_processors(), most_workers);
    s.workers = static_cast<unsigned>(number("workers", "RAMIE_WORKERS", as_number(o.workers), usual, 1, most_workers));
    if (s.current_thread) {
        if (o.workers && *o.workers != 1)
            throw std::invalid_argument("ramie: workers is " + std::to_string(*o.workers) +
                                        "; a current_thread runtime has 1");
        s.workers = 1;
    }
    s.stack_class = stack_class_for(number("stack_size", "RAMIE_STACK_SIZE", as_number(o.stack_size), default_stack_size,
                                           4096, largest_slot - largest_guard));
    s.max_blocking_threads = static_cast<unsigned>(
        number("max_blocking_threads", "RAMIE_MAX_BLOCKING_THREADS", as_number(o.max_blocking_threads), 512, 1, 65536));
    char const* const name = std::getenv("RAMIE_THREAD_NAME");
    s.thread_name = o.thread_name.value_or(name != nullptr ? name : "ramie");
    constexpr std::uint64_t day = 24u * 3600 * 1000;
    s.shutdown_timeout = std::chrono::milliseconds(
        number("shutdown_timeout", "RAMIE_SHUTDOWN_TIMEOUT_MS", as_number(o.shutdown_timeout), 10'000, 1, day));
    s.stall_threshold = std::chrono::milliseconds(
        number("stall_threshold", "RAMIE_STALL_THRESHOLD_MS", as_number(o.stall_threshold), 10, 1, day));
    s.watched = !s.current_thread || o.stall_threshold || std::getenv("RAMIE_STALL_THRESHOLD_MS") != nullptr;
    s.on_task_failure = o.on_task_failure ? o.on_task_failure : print_failure;
    s.dump_on = settle_dump_signal(o.dump_on, s.current_thread ? no_signal : SIGQUIT);
    s.dump_asked_for = o.dump_on || std::getenv("RAMIE_DUMP_ON") != nullptr;
    s.report_deadlocks =
        number("report_deadlocks", "RAMIE_REPORT_DEADLOCKS", as_number(o.report_deadlocks), 0, 0, 1) != 0;
    if (s.dump_on != no_signal || s.report_deadlocks) s.dump_file = settle_dump_file();
    s.force_migration = number("force_migration", "RAMIE_FORCE_MIGRATION", std::nullopt, 0, 0, 1) != 0;
    return s;
}

}  // namespace ramie::detail
