// The choices of a simulation: fixed by seed and number, each to be left out by itself.
#include <ramie/detail/simulation/decisions.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <vector>

using ramie::detail::decisions;
using ramie::detail::schedule;

namespace {

std::vector<std::uint32_t> first_choices(schedule by, std::size_t count, std::uint32_t of = 10) {
    decisions d(std::move(by));
    std::vector<std::uint32_t> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(d.choose(of));
    return all;
}

}  // namespace

TEST_CASE("decisions: what a seed chooses is the same on every machine") {
    CHECK(first_choices({1}, 12) == std::vector<std::uint32_t>{3, 9, 0, 7, 2, 7, 6, 2, 1, 2, 6, 9});
    CHECK(first_choices({2}, 12) == std::vector<std::uint32_t>{3, 0, 8, 5, 9, 8, 0, 2, 9, 2, 0, 3});
    decisions d({1});
    CHECK(d.random() == 12'935'044'349'602'308'024u);
    CHECK(d.random() == 2'376'943'102'249'048'931u);
}

TEST_CASE("decisions: every choice comes about equally often") {
    std::array<int, 10> counts{};
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        for (auto const each : first_choices({seed}, 100)) ++counts[each];
    }
    for (auto const count : counts) {
        CHECK(count > 900);
        CHECK(count < 1100);
    }
}

TEST_CASE("decisions: a choice between one is none") {
    decisions d({1});
    CHECK(d.choose(1) == 0);
    CHECK(d.count() == 0);
    (void)d.choose(2);
    CHECK(d.count() == 1);
}

TEST_CASE("decisions: the notable choices are those that are not the plainest") {
    decisions d({3});
    std::vector<std::uint32_t> notable;
    for (std::uint32_t number = 1; number <= 50; ++number) {
        if (d.choose(3) != 0) notable.push_back(number);
    }
    CHECK(d.notable() == notable);
    CHECK(notable.size() > 20);
    CHECK(notable.size() < 45);
}

TEST_CASE("decisions: a kept choice has the seed's value, the others are 0") {
    auto const all = first_choices({5}, 40, 1000), some = first_choices({5, {{3, 17, 40}}}, 40, 1000);
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK(some[i] == (i + 1 == 3 || i + 1 == 17 || i + 1 == 40 ? all[i] : 0));
    CHECK(first_choices({5, {std::vector<std::uint32_t>{}}}, 40) == std::vector<std::uint32_t>(40, 0));
}

TEST_CASE("decisions: the program's own random numbers do not depend on the choices") {
    decisions all({5}), none({5, {std::vector<std::uint32_t>{}}});
    (void)all.choose(7);
    CHECK(all.random() == none.random());
    CHECK(all.random() == none.random());
}

TEST_CASE("schedule: its text is read back") {
    for (schedule const& s : {schedule{0}, schedule{42}, schedule{~std::uint64_t{0}}, schedule{7, {{1}}},
                              schedule{7, {{1, 2, 4'000'000'000}}}, schedule{7, {std::vector<std::uint32_t>{}}}}) {
        auto const again = schedule::parse(s.text());
        REQUIRE(again.has_value());
        CHECK(again->seed == s.seed);
        CHECK(again->kept == s.kept);
    }
    CHECK(schedule{42}.text() == "42");
    CHECK(schedule{7, {{1, 2, 9}}}.text() == "7:1,2,9");
}

TEST_CASE("schedule: what is not of its form is refused") {
    for (char const* const text : {"", "x", "-1", "1x", "1:x", "1:2,", "1:,2", "1:2,2", "1:3,2", "1:2 ", " 1",
                                   "18446744073709551616", "1:4294967296"}) {
        CAPTURE(text);
        CHECK_FALSE(schedule::parse(text).has_value());
    }
}
