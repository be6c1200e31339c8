// A plugin that has used Ramie and is closed again. Its code stays, since handlers lead into it; nothing else does, however often.
#include "child_process.hpp"
#include "loaded.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

using ramie::testing::child_end;
using ramie::testing::in_child;

// Asked by LeakSanitizer before it looks: not in a child that exits with a runtime that goes on.
static pid_t const this_program = ::getpid();
extern "C" int __lsan_is_turned_off() { return ::getpid() != this_program; }

namespace {

long entries_of(char const* path) {
    return static_cast<long>(std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()));
}

void print_belongings() {
    std::ifstream maps("/proc/self/maps");
    auto const mappings = std::count(std::istreambuf_iterator<char>(maps), {}, '\n');
    std::printf("%ld threads, %ld descriptors, %ld mappings\n", entries_of("/proc/self/task"), entries_of("/proc/self/fd"), static_cast<long>(mappings));
}

// HIDING_PLUGIN shows none of the library's symbols. Those that gcc makes unique in the process would keep its file loaded.
constexpr auto plugins = {PLUGIN, HIDING_PLUGIN, SHARING_PLUGIN};

// Opened, used by a thread that has ended then, or by this one, and closed.
void use_and_close(char const* file, bool by_another_thread) {
    loaded const plugin(file);
    if (by_another_thread) std::thread([&] { plugin->use_everything(); }).join();
    else plugin->use_everything();
}

// f() in a process in which each of the plugins has been used and closed.
void after_it(std::function<void()> const& f, std::function<void(child_end const&)> const& check) {
    for (auto const* file : plugins)
        for (bool const by_another_thread : {false, true}) {
            CAPTURE(file);
            CAPTURE(by_another_thread);
            auto const end = in_child([&] {
                use_and_close(file, by_another_thread);
                f();
            });
            CAPTURE(end.output);
            check(end);
        }
}

}  // namespace

TEST_CASE("closed plugin: opened, used and closed again and again, it leaves no thread, descriptor or mapping (forks)") {
    for (auto const* file : plugins)
        for (bool const by_another_thread : {false, true}) {
            CAPTURE(file);
            CAPTURE(by_another_thread);
            auto const after = [=](int times) {
                return in_child([=] {
                    for (int i = 0; i < times; ++i) use_and_close(file, by_another_thread);
                    ::malloc_trim(0);
                    print_belongings();
                });
            };
            // Threads make arenas of malloc's, a few of them.
            auto const a_few = after(3), many = after(12);
            CHECK(many.exited_with(0));
            CHECK(many.said("1 threads, "));
            long few_descriptors = 0, few_mappings = 0, descriptors = -1, mappings = -1;
            REQUIRE(std::sscanf(a_few.output.c_str(), "%*d threads, %ld descriptors, %ld", &few_descriptors, &few_mappings) == 2);
            REQUIRE(std::sscanf(many.output.c_str(), "%*d threads, %ld descriptors, %ld", &descriptors, &mappings) == 2);
            CHECK(descriptors == few_descriptors);
            CHECK(mappings < few_mappings + 9);  // not one more for each of nine times
        }
}

TEST_CASE("closed plugin: signals and forks find the code that they lead to (forks)") {
    after_it([] { ::raise(SIGURG); }, [](child_end const& end) { CHECK(end.exited_with(0)); });
    after_it([] { ::raise(SIGQUIT); }, [](child_end const& end) { CHECK(end.killed_by(SIGQUIT)); });
    after_it([] { ::raise(SIGSEGV); }, [](child_end const& end) { CHECK(end.killed_by(SIGSEGV)); });
    after_it(
        [] {
            auto const child = ::fork();
            if (child == 0) ::_exit(5);
            int status = 0;
            ::waitpid(child, &status, 0);
            ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
        },
        [](child_end const& end) { CHECK(end.exited_with(5)); });
}

TEST_CASE("closed plugin: a handler that the program had before is called (forks)") {
    for (auto const* file : plugins) {
        CAPTURE(file);
        auto const end = in_child([=] {
            ::signal(SIGSEGV, [](int) { ::_exit(6); });
            use_and_close(file, true);
            ::raise(SIGSEGV);
        });
        CHECK_MESSAGE(end.exited_with(6), end.output);
    }
}

TEST_CASE("closed plugin: a runtime that is its static goes on, and ends with the process (forks)") {
    for (auto const* file : plugins) {
        CAPTURE(file);
        auto const end = in_child([=] {
            { loaded(file)->keep_runtime(STDOUT_FILENO); }
            (void)!::write(STDOUT_FILENO, "closed ", 7);
            std::exit(3);
        });
        CHECK(end.exited_with(3));
        CHECK_MESSAGE(end.output == "closed aborted ", end.output);
    }
}
