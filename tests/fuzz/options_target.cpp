#include "target.hpp"

#include "environment.hpp"
#include "settings/options.hpp"

#include <ramie/listen_fds.hpp>

#include <charconv>
#include <list>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace ramie::fuzz {

namespace {

constexpr char const* variables[] = {"RAMIE_CURRENT_THREAD",      "RAMIE_WORKERS",           "RAMIE_STACK_SIZE",
                                     "RAMIE_MAX_BLOCKING_THREADS", "RAMIE_THREAD_NAME",      "RAMIE_SHUTDOWN_TIMEOUT_MS",
                                     "RAMIE_STALL_THRESHOLD_MS",   "RAMIE_FORCE_MIGRATION"};

void settled() {
    try {
        auto const s = detail::settle({});
        require(s.workers >= 1 && s.workers <= 1024 && (!s.current_thread || s.workers == 1), "another number of workers");
        require(s.max_blocking_threads >= 1 && s.max_blocking_threads <= 65536, "another number of blocking threads");
        require(s.shutdown_timeout.count() >= 1 && s.stall_threshold.count() >= 1, "a time that is none");
    } catch (std::invalid_argument const& refused) {
        require(std::string_view(refused.what()).starts_with("ramie: the environment variable "), "it does not say which");
    }
}

// Of socket activation. No descriptor may be taken from the fuzzer: those that are counted here are not open.
void passed(std::string count, std::string const& names) {
    int number = 0;
    auto const [end, error] = std::from_chars(count.data(), count.data() + count.size(), number);
    if (error == std::errc() && number < 1'000'000) count = "1000000";
    testing::environment const of("LISTEN_PID", std::to_string(::getpid()).c_str()), many("LISTEN_FDS", count.c_str()),
        called("LISTEN_FDNAMES", names.c_str());
    require(!listen_fds().has_value(), "descriptors that are not there");
}

}  // namespace

// A line for each variable; empty: it is not set.
void options(std::string_view bytes) {
    input all(bytes);
    std::list<testing::environment> set;
    for (auto const* const name : variables) {
        std::string const value(all.until('\n'));
        set.emplace_back(name, value.empty() ? nullptr : value.c_str());
    }
    settled();
    std::string const count(all.until('\n')), names(all.until('\n'));
    passed(count, names);
}

}  // namespace ramie::fuzz
