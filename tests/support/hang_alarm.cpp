// A test case that hangs ends the program with its name instead of nothing. By alarm(2), so that no thread is added to
// programs that fork, and that count their own threads' context switches.
#include "chance.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace {

char running[256] = "none";

void say(char const* text) { (void)!::write(STDERR_FILENO, text, std::strlen(text)); }

// How many times as long as usual everything may take: under Valgrind, say.
double patience() {
    auto const* const text = std::getenv("RAMIE_TEST_PATIENCE");
    return text != nullptr ? std::max(1.0, std::atof(text)) : 1.0;
}

// If there is a runtime that prints dumps.
void dump() {
    struct sigaction action {};
    ::sigaction(SIGQUIT, nullptr, &action);
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) return;
    ::kill(::getpid(), SIGQUIT);
    ::sleep(5);
}

void on_alarm(int) {
    say("\nthis test case hangs: ");
    say(running);
    say("\n");
    dump();
    ::signal(SIGABRT, SIG_DFL);
    ::kill(::getpid(), SIGABRT);
}

struct hang_alarm final : doctest::IReporter {
    explicit hang_alarm(doctest::ContextOptions const&) {}
    void test_case_start(doctest::TestCaseData const& c) override {
        std::strncpy(running, c.m_name, sizeof running - 1);
        ::signal(SIGALRM, on_alarm);
        auto const longer = std::max(1.0, ramie::testing::scale()) * (ramie::testing::slowdown > 1 ? 3 : 1);
        ::alarm(static_cast<unsigned>(120 * longer * patience()));
    }
    void test_case_end(doctest::CurrentTestCaseStats const&) override { ::alarm(0); }
    void test_case_reenter(doctest::TestCaseData const&) override {}
    void test_case_exception(doctest::TestCaseException const&) override {}
    void test_case_skipped(doctest::TestCaseData const&) override {}
    void test_run_start() override {}
    void test_run_end(doctest::TestRunStats const&) override {}
    void subcase_start(doctest::SubcaseSignature const&) override {}
    void subcase_end() override {}
    void log_assert(doctest::AssertData const&) override {}
    void log_message(doctest::MessageData const&) override {}
    void report_query(doctest::QueryData const&) override {}
};

REGISTER_LISTENER("hang_alarm", 1, hang_alarm);

}  // namespace
