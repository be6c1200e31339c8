// For tests of doctest that simulate (simulate.hpp): include it in one file of the test program, after doctest's
// header. Then a CHECK that fails in a simulation fails the run, and its message carries the seed. The library does not
// depend on doctest: all is in this header.
#pragma once

#include <ramie/simulate.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <ostream>
#include <string>

namespace ramie::testing {

// Counts failed checks. (WARN is none.)
class doctest_listener final : public doctest::IReporter {
  public:
    explicit doctest_listener(doctest::ContextOptions const& options) { out = options.cout; }

    static std::uint64_t failed() { return failures.load(std::memory_order_relaxed); }
    static void hush(bool on) {
        if (out == nullptr) return;
        if (on)
            out->setstate(std::ios_base::failbit);  // what is printed now is dropped
        else
            out->clear();
    }

  private:
    void log_assert(doctest::AssertData const& a) override {
        if (a.m_failed && (a.m_at & doctest::assertType::is_warn) == 0)
            failures.fetch_add(1, std::memory_order_relaxed);
    }
    void log_message(doctest::MessageData const& m) override {
        if ((m.m_severity & doctest::assertType::is_warn) == 0) failures.fetch_add(1, std::memory_order_relaxed);
    }
    void report_query(doctest::QueryData const&) override {}
    void test_run_start() override {}
    void test_run_end(doctest::TestRunStats const&) override {}
    void test_case_start(doctest::TestCaseData const&) override {}
    void test_case_reenter(doctest::TestCaseData const&) override {}
    void test_case_end(doctest::CurrentTestCaseStats const&) override {}
    void test_case_exception(doctest::TestCaseException const&) override {}
    void subcase_start(doctest::SubcaseSignature const&) override {}
    void subcase_end() override {}
    void test_case_skipped(doctest::TestCaseData const&) override {}

    inline static std::atomic<std::uint64_t> failures{0};
    inline static std::ostream* out = nullptr;
};

namespace doctest_detail {

// As INFO() notes something for the checks of its block.
struct said {
    std::string text;
    void operator()(std::ostream* to) const { *to << text; }
};

inline constexpr check_framework framework{
    &doctest_listener::failed,
    [](char const* about) -> void* { return new doctest::detail::ContextScope<said>(said{about}); },
    [](void* noted) { delete static_cast<doctest::detail::ContextScope<said>*>(noted); }, &doctest_listener::hush};

inline int const in_use = [] {
    use_checks(framework);
    return doctest::registerReporter<doctest_listener>("ramie-simulations", 0, false);
}();

}  // namespace doctest_detail
}  // namespace ramie::testing
