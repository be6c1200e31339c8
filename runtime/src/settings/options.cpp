#include "settings/options.hpp"

#include <ramie/detail/machine/processors.hpp>
#include <ramie/detail/stack/stack.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace ramie::detail {

namespace {

constexpr unsigned most_workers = 1024;

[[noreturn]] void refuse(std::string const& option, std::string const& value, std::uint64_t least, std::uint64_t most) {
    throw std::invalid_argument("ramie: " + option + " is " + value + "; accepted are " + std::to_string(least) + " to " +
                                std::to_string(most));
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
    s.force_migration = number("force_migration", "RAMIE_FORCE_MIGRATION", std::nullopt, 0, 0, 1) != 0;
    return s;
}

}  // namespace ramie::detail
