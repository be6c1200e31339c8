// Runtimes and tasks before main, and after it: in initialisers and destructors of statics. They are this file's own statics, which
// do nothing unless RAMIE_TEST_STATICS is set.
#include "child_process.hpp"

#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>

using namespace ramie::testing;

namespace {

bool const wanted = std::getenv("RAMIE_TEST_STATICS") != nullptr;

std::string error_of_spawn() {
    try {
        ramie::spawn([] {}).detach();
        return "none";
    } catch (ramie::no_runtime const&) { return "no_runtime"; }
}

int sum_of_tasks(ramie::runtime& rt) {
    ramie::mutex lock;
    return rt.block_on([&] {
        int sum = 0;
        std::vector<ramie::join_handle<void>> all;
        for (int i = 1; i <= 10; ++i)
            all.push_back(ramie::spawn([&, i] {
                std::lock_guard const held(lock);
                ramie::this_fiber::yield();
                sum += i;
            }));
        for (auto& t : all) t.get();
        return sum;
    });
}

// Destroyed after all below.
std::optional<ramie::runtime_handle> remembered;
struct after_the_runtime {
    ~after_the_runtime() {
        if (!wanted) return;
        std::string error = "none";
        try {
            remembered->spawn([] {}).detach();
        } catch (ramie::no_runtime const&) { error = "no_runtime"; }
        std::printf("after: by its handle: %s, a new runtime: %d\n", error.c_str(), ramie::run({.workers = 2}, [] { return ramie::spawn([] { return 5; }).get(); }));
        std::fflush(stdout);
    }
} const last;

// Before main; other files' statics may not be there yet, the library's are.
std::string const without_a_runtime = wanted ? error_of_spawn() : "";
int const by_run = wanted ? ramie::run({.workers = 2}, [] { return ramie::spawn([] { return 4; }).get(); }) : 0;
std::optional<ramie::runtime> of_the_program =
    wanted ? std::optional<ramie::runtime>(std::in_place, ramie::runtime_options{.workers = 2}) : std::optional<ramie::runtime>();
int const by_a_static_runtime = wanted ? sum_of_tasks(*of_the_program) : 0;
ramie::join_handle<int> begun_before_main = wanted ? of_the_program->spawn([] { return 6; }) : ramie::join_handle<int>();

struct before_the_runtime {
    ~before_the_runtime() {
        if (wanted) std::printf("before: %d\n", sum_of_tasks(*of_the_program));
    }
} const first;

}  // namespace

TEST_CASE("statics: of a program that has them" * doctest::skip()) {
    remembered.emplace(of_the_program->handle());
    std::printf("without: %s, run: %d, static: %d, task: %d\n", without_a_runtime.c_str(), by_run, by_a_static_runtime, begun_before_main.get());
    std::fflush(stdout);
}

TEST_CASE("statics: initialisers spawn, destructors of statics use a runtime until it is destroyed itself (forks)") {
    auto const end = in_fresh_process("statics: of a program that has them", "RAMIE_TEST_STATICS", "1");
    CHECK(end.exited_with(0));
    CHECK_MESSAGE(end.said("without: no_runtime, run: 4, static: 55, task: 6\n"), end.output);
    CHECK_MESSAGE(end.said("before: 55\n"), end.output);
    CHECK_MESSAGE(end.said("after: by its handle: no_runtime, a new runtime: 5\n"), end.output);
}
