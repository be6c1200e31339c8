#include "restricted_world.hpp"

#include "child_process.hpp"
#include "mixed_program.hpp"

#include <ramie/runtime.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

namespace ramie::testing {

namespace {

enum : int { fine = 0, not_here = 77, a_wrong_answer = 78 };

// How the lines of the child begin.
constexpr std::string_view begins = "== ", not_started = "not started: ", refused = "refused: ", workers = "workers: ", ends = "ended", no_world = "no world: ";

std::string what(std::exception_ptr const& e) {
    try {
        std::rethrow_exception(e);
    } catch (std::exception const& known) { return known.what(); } catch (...) {
        return "something that is no std::exception";
    }
}

void on_alarm(int) {
    for (auto const* const text : {"it hangs in ", running_step(), "\n"}) (void)!::write(STDOUT_FILENO, text, std::strlen(text));
    ::_exit(2);
}

void run_in(char const* name, runtime_options const& how) {
    std::printf("== %s\n", name);
    std::optional<runtime> rt;
    try {
        rt.emplace(how);
    } catch (std::exception const& e) {
        std::printf("not started: %s\n", e.what());
        return;
    }
    try {
        rt->block_on([] {
            run_mixed([](mixed_step const& step, std::exception_ptr why) {
                try {
                    std::rethrow_exception(why);
                } catch (wrong_answer const& e) {
                    std::printf("wrong: %s: %s\n", step.name, e.what());
                    std::fflush(stdout);
                    ::_exit(a_wrong_answer);
                } catch (...) { std::printf("refused: %s: %s\n", step.name, what(why).c_str()); }
            });
        });
        std::printf("workers: %u\n", rt->metrics().workers);
        auto const stacks = rt->metrics().stacks;
        std::printf("guards: %zu by madvise, %zu by mprotect, %zu none\n", stacks.guarded_madvise, stacks.guarded_mprotect, stacks.unguarded);
    } catch (std::exception const& e) { std::printf("refused: the first task: %s\n", e.what()); }
    rt.reset();
    std::printf("ended\n");
}

std::vector<world_report> reports_in(std::string const& output) {
    std::vector<world_report> all;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        auto const rest_after = [&](std::string_view beginning) { return line.substr(beginning.size()); };
        if (line.starts_with(begins)) all.push_back({rest_after(begins), {}, {}, 0, false});
        if (all.empty()) continue;
        if (line.starts_with(not_started)) all.back().not_started = rest_after(not_started);
        if (line.starts_with(workers)) all.back().workers = static_cast<unsigned>(std::stoul(rest_after(workers)));
        if (line == ends) all.back().ended = true;
        if (!line.starts_with(refused)) continue;
        auto const text = rest_after(refused);
        auto const colon = text.find(": ");
        all.back().failures.emplace_back(text.substr(0, colon), text.substr(std::min(text.size(), colon + 2)));
    }
    return all;
}

unsigned skipped_worlds = 0;

}  // namespace

bool world_report::failed(std::string const& step) const {
    return std::ranges::any_of(failures, [&](auto const& each) { return each.first == step; });
}

bool world_end::exited_with(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

bool world_end::all_well() const {
    return exited_with(fine) && runtimes.size() == 3 && std::ranges::all_of(runtimes, &world_report::all_well);
}

void skip_world(std::string const& name, std::string const& why) {
    std::printf("skipped: %s: %s (%u worlds skipped)\n", name.c_str(), why.c_str(), ++skipped_worlds);
    std::fflush(stdout);
}

world_end in_world(std::string const& name, std::function<void()> const& enter, char const* test_case) {
    std::fflush(nullptr);
    auto const end = in_child([&] {
        // By a descriptor: /proc may be gone.
        int const self = ::open("/proc/self/exe", O_PATH | O_CLOEXEC);
        auto const filter = std::string("--test-case=") + test_case;
        char const* const arguments[] = {"self", "--no-skip", "--no-version", filter.c_str(), nullptr};
        try {
            enter();
        } catch (no_such_world const& none) {
            std::printf("no world: %s\n", none.why.c_str());
            std::fflush(stdout);
            ::_exit(not_here);
        }
        ::execveat(self, "", const_cast<char* const*>(arguments), environ, AT_EMPTY_PATH);
        std::perror("execveat");
        ::_exit(127);
    });
    world_end here{end.status, end.output, reports_in(end.output)};
    REQUIRE_MESSAGE(!here.said("test cases: 0 |"), "there is no such test case: " << test_case);
    if (here.exited_with(not_here) && here.output.starts_with(no_world)) {
        here.skipped = true;
        auto const line = here.output.substr(no_world.size());
        skip_world(name, line.substr(0, line.find('\n')));
    }
    return here;
}

void run_in_this_world(std::function<void()> const& before) {
    ::setvbuf(stdout, nullptr, _IOLBF, 4096);
    (void)mixed_steps();  // made once
    ::signal(SIGALRM, on_alarm);
    ::alarm(110);  // a machine may be very busy
    before();
    run_in("current_thread", {.current_thread = true});
    run_in("two workers", {.workers = 2});
    run_in("nothing set", {});
}

}  // namespace ramie::testing

TEST_CASE("worlds: (the mixed program)" * doctest::skip()) { ramie::testing::run_in_this_world(); }
