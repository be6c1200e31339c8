// For tests of GoogleTest that simulate (simulate.hpp): include it in one file of the test program. Then an EXPECT or
// ASSERT that fails in a simulation fails the run, and its message carries the seed. (ASSERT only leaves its function,
// as always.) The library does not depend on GoogleTest: all is in this header.
#pragma once

#include <ramie/simulate.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>

namespace ramie::testing {

// Counts failed checks.
class googletest_listener final : public ::testing::EmptyTestEventListener {
  public:
    static std::uint64_t failed() { return failures.load(std::memory_order_relaxed); }
    // The printer is taken off the list meanwhile.
    static void hush(bool on) {
        static ::testing::TestEventListener* printer = nullptr;
        auto& all = ::testing::UnitTest::GetInstance()->listeners();
        if (printer == nullptr) printer = all.default_result_printer();
        if (printer == nullptr) return;
        if (on)
            (void)all.Release(printer);
        else
            all.Append(printer);
    }

  private:
    void OnTestPartResult(::testing::TestPartResult const& result) override {
        if (result.failed()) failures.fetch_add(1, std::memory_order_relaxed);
    }
    inline static std::atomic<std::uint64_t> failures{0};
};

namespace googletest_detail {

inline constexpr check_framework framework{
    &googletest_listener::failed,
    [](char const* about) -> void* { return new ::testing::ScopedTrace("simulation", 0, about); },
    [](void* noted) { delete static_cast<::testing::ScopedTrace*>(noted); }, &googletest_listener::hush};

inline bool const in_use = [] {
    use_checks(framework);
    ::testing::UnitTest::GetInstance()->listeners().Append(new googletest_listener);  // which owns it
    return true;
}();

}  // namespace googletest_detail
}  // namespace ramie::testing
