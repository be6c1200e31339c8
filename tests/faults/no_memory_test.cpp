// Every allocation of the mixed program fails, one or all from there on: sockets, files, children and signals, too. (For tasks alone:
// tests/runtime/no_memory_test.cpp.)
#include "chance.hpp"
#include "child_process.hpp"
#include "failing_new.hpp"
#include "mixed_program.hpp"
#include "tracked.hpp"

#include <ramie/runtime.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

#include <unistd.h>

using namespace ramie::testing;

namespace {

[[noreturn]] void give_up(std::size_t n, std::string const& why) {
    std::printf("allocation %zu: %s\n", n, why.c_str());
    std::fflush(stdout);
    ::_exit(1);
}

std::string what(std::exception_ptr const& e) {
    try {
        std::rethrow_exception(e);
    } catch (std::exception const& known) { return known.what(); } catch (...) {
        return "something that is no std::exception";
    }
}

void run_without_memory(ramie::runtime& rt, std::size_t n, failing_new::how how, bool& failed) {
    rt.block_on([&] {
        failing_new failing(n, how);
        run_mixed([&](mixed_step const& step, std::exception_ptr why) {
            try {
                std::rethrow_exception(why);
            } catch (wrong_answer const& e) {
                (void)failing.stop();
                give_up(n, std::string(step.name) + ": " + e.what());
            } catch (...) {
            }
        });
        failed = failing.stop();
    });
}

void on_alarm(int) {
    for (auto const* const text : {"it hangs in ", running_step(), "\n"}) (void)!::write(STDOUT_FILENO, text, std::strlen(text));
    ::_exit(2);
}

// In a child: some n have the process ended if something is wrong.
void refuse_each_allocation(ramie::runtime_options const& how, failing_new::how many) {
    ::setvbuf(stdout, nullptr, _IOLBF, 4096);
    (void)mixed_steps();  // made once
    ::signal(SIGALRM, on_alarm);
    bool failed = true;
    std::size_t const stride = scale() > 1 ? 1'000'000 : 12;
    for (std::size_t n = 1; failed; n += 1 + n / stride) {
        std::printf("n %zu\n", n);
        ::alarm(60);  // for each anew
        try {
            ramie::runtime rt(how);
            run_without_memory(rt, n, many, failed);
            rt.block_on([&] {
                run_mixed([&](mixed_step const& step, std::exception_ptr why) { give_up(n, std::string("afterwards, ") + step.name + ": " + what(why)); });
            });
        } catch (std::exception const& e) { give_up(n, e.what()); }
        if (tracked::alive() != 0) give_up(n, "tracked values are left");
    }
    std::printf("done\n");
}

std::string last_lines(std::string const& output) { return output.substr(output.size() - std::min<std::size_t>(output.size(), 600)); }

}  // namespace

TEST_CASE("no memory: whichever allocation of the mixed program fails, one or all from there on, the caller is told (forks)") {
#if defined(RAMIE_ASAN) || defined(RAMIE_TSAN)
    return;  // it takes them a minute for each of four
#endif
    for (bool const current_thread : {true, false}) {
        for (auto const many : {failing_new::how::once, failing_new::how::from_then_on}) {
            CAPTURE(current_thread);
            CAPTURE(static_cast<int>(many));
            ramie::runtime_options how{.workers = current_thread ? 1u : 2u, .current_thread = current_thread};
            how.on_task_failure = [](ramie::join_error const&) {};
            auto const end = in_child([&] { refuse_each_allocation(how, many); });
            CHECK_MESSAGE(end.exited_with(0), "status " << end.status << "\n" << last_lines(end.output));
            CHECK_MESSAGE(end.said("done"), last_lines(end.output));
        }
    }
}
