// How a process ends while a runtime is at work, from wherever it is ended: as one with threads does. No task is waited for, and no
// destructor of a task's values runs; what exit() runs, runs. (exit() with a static runtime: tests/runtime/runtime_test.cpp.)
#include "child_process.hpp"

#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

// Asked by LeakSanitizer before it looks: these children end with all they have.
extern "C" int __lsan_is_turned_off() { return 1; }

namespace {

void print(char const* text) { (void)!::write(STDOUT_FILENO, text, std::strlen(text)); }

struct loud {
    char const* name;
    ~loud() { print(name); }
};

enum class place { fiber, job, thread_beside, main };

// The end of a process whose tasks wait and run, by leave(), called there.
child_end end_of(bool current_thread, place where, void (*leave)()) {
    return in_child([=] {
        static loud const of_the_program{"static "};
        std::atexit([] { print("atexit "); });
        std::at_quick_exit([] { print("at_quick_exit "); });
        ramie::runtime rt({.workers = current_thread ? 1u : 2u, .shutdown_timeout = 1h, .current_thread = current_thread});
        std::atomic<int> at_work{0};
        for (int i = 0; i < 10; ++i) {
            rt.spawn([&] {
                loud const value{"a waiting task's "};
                ++at_work;
                ramie::this_fiber::sleep_for(1h);
            }).detach();
            rt.spawn([&] {
                loud const value{"a running task's "};
                for (++at_work;;) ramie::this_fiber::yield();
            }).detach();
        }
        rt.block_on([&] {
            while (at_work != 20) ramie::this_fiber::yield();
            loud const value{"the root's "};
            if (where == place::fiber) ramie::spawn(leave).get();
            if (where == place::job) ramie::spawn_blocking(leave).get();
            if (where == place::thread_beside) ramie::spawn_blocking([=] { std::thread(leave).join(); }).get();
        });
        leave();
    });
}

void from_everywhere(void (*leave)(), std::function<void(child_end const&)> const& check) {
    for (bool const current_thread : {false, true})
        for (auto const where : {place::fiber, place::job, place::thread_beside, place::main}) {
            CAPTURE(current_thread);
            CAPTURE(static_cast<int>(where));
            auto end = end_of(current_thread, where, leave);
            if (where == place::main) {  // whose root has returned
                REQUIRE_MESSAGE(end.output.starts_with("the root's "), end.output);
                end.output.erase(0, std::strlen("the root's "));
            }
            CAPTURE(end.output);
            check(end);
        }
}

}  // namespace

TEST_CASE("process ends: exit() runs atexit handlers and destructors of statics, and ends all tasks where they are (forks)") {
    from_everywhere([] { std::exit(3); }, [](child_end const& end) {
        CHECK(end.exited_with(3));
        CHECK(end.output == "atexit static ");
    });
}

TEST_CASE("process ends: exit() in a thread or main of a program with a static runtime ends its tasks, as its destructor does (forks)") {
    for (bool const in_thread : {false, true}) {
        CAPTURE(in_thread);
        auto const end = in_child([=] {
            static loud const before{"static "};
            static ramie::runtime rt({.workers = 2});
            static loud const after{"later static, "};
            std::atomic<bool> waits{false};
            rt.spawn([&] {
                loud const value{"a task's "};
                waits = true;
                ramie::this_fiber::sleep_for(1h);
            }).detach();
            while (!waits) std::this_thread::yield();
            auto const leave = [] { std::exit(3); };
            if (in_thread) std::thread(leave).join();
            leave();
        });
        CHECK(end.exited_with(3));
        CHECK_MESSAGE(end.output == "later static, a task's static ", end.output);
    }
}

TEST_CASE("process ends: _exit() runs nothing (forks)") {
    from_everywhere([] { ::_exit(3); }, [](child_end const& end) {
        CHECK(end.exited_with(3));
        CHECK(end.output.empty());
    });
}

TEST_CASE("process ends: quick_exit() runs at_quick_exit handlers only (forks)") {
    from_everywhere([] { std::quick_exit(3); }, [](child_end const& end) {
        CHECK(end.exited_with(3));
        CHECK(end.output == "at_quick_exit ");
    });
}

TEST_CASE("process ends: abort() dies of SIGABRT (forks)") {
    from_everywhere([] { std::abort(); }, [](child_end const& end) {
        CHECK(end.killed_by(SIGABRT));
        CHECK(end.output.empty());
    });
}

TEST_CASE("process ends: an exception that leaves a thread beside terminates, one that leaves a task does not (forks)") {
    auto const end = in_child([] {
        ramie::run({.workers = 2, .on_task_failure = [](ramie::join_error const&) { print("told "); }}, [] {
            ramie::spawn([] { throw 1; }).detach();
            while (ramie::runtime_handle::current().metrics().live_tasks > 1) ramie::this_fiber::yield();
            print("goes on ");
            std::thread([] { throw 2; }).join();
        });
    });
    CHECK(end.killed_by(SIGABRT));
    CHECK_MESSAGE(end.said("told goes on "), end.output);
}
