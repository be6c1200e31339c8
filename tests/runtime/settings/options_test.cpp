// Every option: its default, given, from the environment, out of range.
#include "settings/options.hpp"

#include "environment.hpp"

#include <ramie/detail/machine/processors.hpp>
#include <ramie/runtime.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <sched.h>
#include <stdexcept>
#include <string>

using ramie::runtime_options;
using ramie::detail::settings;
using ramie::detail::settle;
using ramie::testing::environment;

namespace {

// One numeric option: how it is given, and how it shows.
struct numeric_option {
    char const* name;
    char const* variable;
    std::uint64_t least, most;
    std::uint64_t fallback;
    std::uint64_t usual;
    std::function<void(runtime_options&, std::uint64_t)> give;
    std::function<std::uint64_t(settings const&)> show;
};

std::uint64_t in_ms(std::chrono::nanoseconds d) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

std::uint64_t cores() {
    cpu_set_t allowed;
    REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    auto const usable = std::uint64_t{ramie::detail::usable_processors()};  // tests/fibers/processors_test
    CHECK(usable <= static_cast<std::uint64_t>(CPU_COUNT(&allowed)));
    return usable;
}

constexpr std::uint64_t day_ms = 86'400'000;

std::vector<numeric_option> numeric_options() {
    using ms = std::chrono::milliseconds;
    return {
        {"workers", "RAMIE_WORKERS", 1, 1024, cores(), 3,
         [](runtime_options& o, std::uint64_t v) { o.workers = static_cast<unsigned>(v); },
         [](settings const& s) { return std::uint64_t{s.workers}; }},
        {"max_blocking_threads", "RAMIE_MAX_BLOCKING_THREADS", 1, 65536, 512, 7,
         [](runtime_options& o, std::uint64_t v) { o.max_blocking_threads = static_cast<unsigned>(v); },
         [](settings const& s) { return std::uint64_t{s.max_blocking_threads}; }},
        {"shutdown_timeout", "RAMIE_SHUTDOWN_TIMEOUT_MS", 1, day_ms, 10'000, 250,
         [](runtime_options& o, std::uint64_t v) { o.shutdown_timeout = ms(v); },
         [](settings const& s) { return in_ms(s.shutdown_timeout); }},
        {"stall_threshold", "RAMIE_STALL_THRESHOLD_MS", 1, day_ms, 10, 30,
         [](runtime_options& o, std::uint64_t v) { o.stall_threshold = ms(v); },
         [](settings const& s) { return in_ms(s.stall_threshold); }},
        {"current_thread", "RAMIE_CURRENT_THREAD", 0, 1, 0, 1, {}, [](settings const& s) { return std::uint64_t{s.current_thread}; }},
        {"report_deadlocks", "RAMIE_REPORT_DEADLOCKS", 0, 1, 0, 1, {}, [](settings const& s) { return std::uint64_t{s.report_deadlocks}; }},
        {"force_migration", "RAMIE_FORCE_MIGRATION", 0, 1, 0, 1, {}, [](settings const& s) { return std::uint64_t{s.force_migration}; }},
    };
}

std::string refusal(std::function<void()> const& f) {
    try {
        f();
    } catch (std::invalid_argument const& e) {
        return e.what();
    }
    return "not refused";
}

bool says(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// No option is set but those that a test sets.
struct clean_environment {
    environment const all[11] = {{"RAMIE_WORKERS", nullptr},        {"RAMIE_STACK_SIZE", nullptr},
                                {"RAMIE_MAX_BLOCKING_THREADS", nullptr}, {"RAMIE_THREAD_NAME", nullptr},
                                {"RAMIE_SHUTDOWN_TIMEOUT_MS", nullptr},  {"RAMIE_STALL_THRESHOLD_MS", nullptr},
                                {"RAMIE_CURRENT_THREAD", nullptr},       {"RAMIE_FORCE_MIGRATION", nullptr},
                                {"RAMIE_DUMP_ON", nullptr},              {"RAMIE_DUMP_FILE", nullptr},
                                {"RAMIE_REPORT_DEADLOCKS", nullptr}};
};

}  // namespace

TEST_CASE("options: each number has a default, is taken from its variable, and what is given wins") {
    clean_environment const none;
    for (auto const& option : numeric_options()) {
        CAPTURE(option.name);
        CHECK(option.show(settle({})) == option.fallback);
        environment const set(option.variable, std::to_string(option.usual).c_str());
        CHECK(option.show(settle({})) == option.usual);
        if (!option.give) continue;
        runtime_options given;
        option.give(given, option.usual + 1);
        CHECK(option.show(settle(given)) == option.usual + 1);
        environment const spoilt(option.variable, "garbage");
        CHECK(option.show(settle(given)) == option.usual + 1);  // not even looked at
    }
}

TEST_CASE("options: the ends of each range are accepted; beyond them the message names option and range") {
    clean_environment const none;
    for (auto const& option : numeric_options()) {
        CAPTURE(option.name);
        auto const range = "accepted are " + std::to_string(option.least) + " to " + std::to_string(option.most);
        for (auto value : {option.least, option.most}) {
            environment const set(option.variable, std::to_string(value).c_str());
            CHECK(option.show(settle({})) == value);
            if (!option.give) continue;
            runtime_options given;
            option.give(given, value);
            CHECK(option.show(settle(given)) == value);
        }
        auto beyond = std::vector<std::uint64_t>{option.most + 1};
        if (option.least > 0) beyond.push_back(option.least - 1);
        for (auto value : beyond) {
            CAPTURE(value);
            environment const set(option.variable, std::to_string(value).c_str());
            auto text = refusal([] { (void)settle({}); });
            CHECK_MESSAGE((says(text, option.variable) && says(text, range) && says(text, std::to_string(value))), text);
            if (!option.give) continue;
            runtime_options given;
            option.give(given, value);
            text = refusal([&] { (void)settle(given); });
            CHECK_MESSAGE((says(text, option.name) && says(text, range) && says(text, std::to_string(value))), text);
        }
    }
}

TEST_CASE("options: a variable that is not a whole number is refused, not guessed at") {
    clean_environment const none;
    for (auto const& option : numeric_options()) {
        for (char const* garbage : {"", " ", "two", "1x", " 1", "-1", "0x10", "1.5", "99999999999999999999999"}) {
            environment const set(option.variable, garbage);
            auto const text = refusal([] { (void)settle({}); });
            CHECK_MESSAGE((says(text, option.variable) && says(text, "accepted are")), text);
        }
    }
}

TEST_CASE("options: negative durations are refused") {
    clean_environment const none;
    CHECK(says(refusal([] { (void)settle({.shutdown_timeout = std::chrono::milliseconds(-5)}); }), "shutdown_timeout"));
    CHECK(says(refusal([] { (void)settle({.stall_threshold = std::chrono::milliseconds(-5)}); }), "stall_threshold"));
}

TEST_CASE("options: the stack size is from one page on, and at least what was asked for") {
    clean_environment const none;
    CHECK(settle({}).stack_class == ramie::detail::stack_class_for(ramie::detail::default_stack_size));
    CHECK(settle({.stack_size = std::size_t{8} << 20}).stack_class == ramie::detail::stack_class_for(std::size_t{8} << 20));
    CHECK(settle({.stack_size = 4096}).stack_class == ramie::detail::stack_class_for(4096));
    CHECK(says(refusal([] { (void)settle({.stack_size = 4095}); }), "stack_size"));
    CHECK(says(refusal([] { (void)settle({.stack_size = std::size_t{1} << 40}); }), "stack_size"));
    {
        environment const set("RAMIE_STACK_SIZE", "2000000");
        CHECK(settle({}).stack_class == ramie::detail::stack_class_for(2'000'000));
        CHECK(settle({.stack_size = 4096}).stack_class == ramie::detail::stack_class_for(4096));
    }
    for (char const* bad : {"0", "4095", "64k", "99999999999999"}) {
        environment const set("RAMIE_STACK_SIZE", bad);
        auto const text = refusal([] { (void)settle({}); });
        CHECK_MESSAGE((says(text, "RAMIE_STACK_SIZE") && says(text, "accepted are 4096 to")), text);
    }
}

TEST_CASE("options: the thread name is ramie, or the variable's, or what is given") {
    clean_environment const none;
    CHECK(settle({}).thread_name == "ramie");
    environment const set("RAMIE_THREAD_NAME", "loom");
    CHECK(settle({}).thread_name == "loom");
    CHECK(settle({.thread_name = "spindle"}).thread_name == "spindle");
}

TEST_CASE("options: a current_thread runtime has one worker, whatever the environment says; more cannot be given") {
    clean_environment const none;
    CHECK(settle({.current_thread = true}).workers == 1);
    CHECK(settle({.workers = 1, .current_thread = true}).workers == 1);
    environment const set("RAMIE_WORKERS", "4");
    CHECK(settle({.current_thread = true}).workers == 1);
    CHECK(settle({.current_thread = false}).workers == 4);
    CHECK(says(refusal([] { (void)settle({.workers = 2, .current_thread = true}); }), "workers is 2"));
}

TEST_CASE("options: a runtime with a bad option is not built, and says which") {
    clean_environment const none;
    CHECK(says(refusal([] { ramie::runtime const never({.workers = 0}); }), "workers is 0; accepted are 1 to 1024"));
    CHECK(says(refusal([] { ramie::run({.max_blocking_threads = 0}, [] {}); }), "max_blocking_threads is 0"));
    environment const set("RAMIE_WORKERS", "many");
    CHECK(says(refusal([] { ramie::run([] {}); }), "RAMIE_WORKERS is \"many\"; accepted are 1 to 1024"));
}

TEST_CASE("options: dump_on is a signal or none; SIGQUIT if there are workers; others are refused by name") {
    clean_environment const none;
    CHECK(settle({}).dump_on == SIGQUIT);
    CHECK_FALSE(settle({}).dump_asked_for);
    CHECK(settle({.current_thread = true}).dump_on == 0);
    CHECK(settle({.current_thread = true, .dump_on = SIGHUP}).dump_on == SIGHUP);
    CHECK(settle({.dump_on = 0}).dump_on == 0);
    CHECK(settle({.dump_on = SIGUSR1}).dump_asked_for);
    auto const accepted = "accepted are none, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 and SIGRTMIN to SIGRTMAX";
    for (int number : {-1, SIGKILL, SIGSTOP, SIGSEGV, SIGURG, SIGCHLD, 32, 33, 65}) {
        auto const text = refusal([&] { (void)settle({.dump_on = number}); });
        CHECK_MESSAGE((says(text, "dump_on is " + std::to_string(number)) && says(text, accepted)), text);
    }
    for (char const* garbage : {"", "3", "quit", "SIGKILL", "SIGSEGV", "SIGRTMIN+99", "SIGRTMIN+", "SIGRTMAX+1", " none"}) {
        environment const set("RAMIE_DUMP_ON", garbage);
        auto const text = refusal([] { (void)settle({}); });
        auto const quoted = "the environment variable RAMIE_DUMP_ON is \"" + std::string(garbage) + "\"";
        CHECK_MESSAGE((says(text, quoted) && says(text, accepted)), text);
        CHECK(settle({.dump_on = SIGHUP}).dump_on == SIGHUP);  // not even looked at
    }
    environment const set("RAMIE_DUMP_ON", "USR2");
    CHECK(settle({}).dump_on == SIGUSR2);
    CHECK(settle({.current_thread = true}).dump_on == SIGUSR2);
    CHECK(settle({}).dump_asked_for);
}

TEST_CASE("options: the file for dumps is made complete, and refused if it cannot be written") {
    clean_environment const none;
    CHECK(settle({}).dump_file == "");
    for (auto const& [name, why] : {std::pair("", "No such file or directory"), std::pair("/nowhere/at/all", "No such file or directory"),
                                    std::pair("/", "Is a directory")}) {
        environment const set("RAMIE_DUMP_FILE", name);
        auto const text = refusal([] { (void)settle({}); });
        CHECK_MESSAGE((says(text, "the environment variable RAMIE_DUMP_FILE is \"" + std::string(name) + "\"; accepted is a file") &&
                       says(text, why)),
                      text);
        CHECK(settle({.dump_on = 0}).dump_file == "");
    }
    auto const directory = std::filesystem::current_path();
    std::filesystem::current_path("/dev");
    environment const set("RAMIE_DUMP_FILE", "null");
    CHECK(settle({}).dump_file == "/dev/null");
    std::filesystem::current_path(directory);
}
