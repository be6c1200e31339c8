// What tests that choose at random share: a seed that can be given again, and a scale for how long they go on.
//
//   RAMIE_TEST_SEED    the seed of every random choice; without it, each run has its own. A failure prints it.
//   RAMIE_TEST_SCALE   how many times the normal number of rounds, or the normal time (default 1)
#pragma once

#include <ramie/detail/ground/config.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>

namespace ramie::testing {

#if defined(RAMIE_ASAN) || defined(RAMIE_TSAN)
inline constexpr std::size_t slowdown = 10;
#else
inline constexpr std::size_t slowdown = 1;
#endif

inline double scale() {
    static double const value = [] {
        char const* const text = std::getenv("RAMIE_TEST_SCALE");
        double const given = text != nullptr ? std::strtod(text, nullptr) : 1;
        return given > 0 ? given : 1;
    }();
    return value;
}

// A number of rounds: fewer under a sanitizer, at least one.
inline std::size_t rounds(std::size_t n) {
    auto const scaled = static_cast<double>(n) * scale() / static_cast<double>(slowdown);
    return scaled < 1 ? 1 : static_cast<std::size_t>(scaled);
}

inline std::uint64_t test_seed() {
    static std::uint64_t const value = [] {
        if (char const* const text = std::getenv("RAMIE_TEST_SEED")) return std::strtoull(text, nullptr, 0);
        return static_cast<unsigned long long>(std::random_device{}());
    }();
    return value;
}

// splitmix64. Each user (task, thread) has one of its own, made from the seed and its number.
class chance {
  public:
    explicit chance(std::uint64_t stream) : state_(test_seed() + stream * 0x9e3779b97f4a7c15u) {}

    std::uint64_t next() noexcept {
        auto z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
    bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }
    std::chrono::microseconds up_to(std::chrono::microseconds most) noexcept {
        return std::chrono::microseconds(below(static_cast<std::uint64_t>(most.count()) + 1));
    }

  private:
    std::uint64_t state_;
};

// True until the stress case's time is over: a second, times the scale, shared out among `parts`.
class stress_time {
  public:
    explicit stress_time(double parts = 1)
        : until_(std::chrono::steady_clock::now() +
                 std::chrono::microseconds(static_cast<std::int64_t>(1e6 * scale() / parts))) {}
    bool goes_on() const { return std::chrono::steady_clock::now() < until_; }

  private:
    std::chrono::steady_clock::time_point until_;
};

}  // namespace ramie::testing

// In a test case, on its own thread: what a failure must say.
#define RAMIE_CAPTURE_SEED() INFO("RAMIE_TEST_SEED=" << ::ramie::testing::test_seed())
