// Trying many seeds, shrinking the one that fails, and seeing it again.
#include "caught_stderr.hpp"
#include "child_process.hpp"
#include "environment.hpp"

#include <ramie/channel.hpp>
#include <ramie/mutex.hpp>
#include <ramie/random.hpp>
#include <ramie/simulate.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using ramie::testing::environment;
using ramie::testing::explore;
using ramie::testing::simulate;
using ramie::testing::simulation_seed;

namespace {

// A counter whose update has a hole: rarely, the other task comes in between.
void lost_update() {
    int count = 0;
    bool busy = false;
    auto const add = [&](std::chrono::microseconds pause) {
        for (int i = 0; i < 5; ++i) {
            ramie::this_fiber::sleep_for(pause);
            if (busy) throw std::runtime_error("two at once");
            busy = true;
            ramie::this_fiber::consume_budget();  // lets others run if this turn is short
            busy = false;
            ++count;
        }
    };
    auto one = ramie::spawn(add, 700us), other = ramie::spawn(add, 1100us);
    one.get();
    other.get();
}

// What follows "RAMIE_SIM_SEED=" in the last such line.
std::string seed_in(std::string const& text) {
    auto const at = text.rfind("RAMIE_SIM_SEED=") + 15;
    return text.substr(at, text.find('\n', at) - at);
}

std::string content(std::filesystem::path const& of) {
    std::ostringstream all;
    all << std::ifstream(of).rdbuf();
    return all.str();
}

}  // namespace

TEST_CASE("explore: runs each seed once, and says how many runs there were") {
    std::uint64_t sum = 0;
    CHECK(explore(100, [&] { sum += simulation_seed(); }) == 100);
    CHECK(sum == 5050);
    CHECK(explore(0, [] {}) == 0);
}

TEST_CASE("explore: finds what fails seldom, and shrinks it to the few choices that matter") {
    ramie::testing::environment const none("RAMIE_SIM_SEED", nullptr);
    std::string text;
    {
        caught_stderr const out;
        CHECK_THROWS_WITH_AS(explore(10'000, lost_update), "two at once", std::runtime_error);
        text = out.text();
    }
    CAPTURE(text);
    CHECK(text.find("failed: two at once") != std::string::npos);
    auto const seed = seed_in(text);
    auto const colon = seed.find(':');
    REQUIRE(colon != seed.npos);
    CHECK(std::count(seed.begin(), seed.end(), ',') <= 5);
    CHECK(text.find(" are enough for it to fail") != std::string::npos);

    // And that is enough to see it again.
    environment const again("RAMIE_SIM_SEED", seed.c_str());
    caught_stderr const out;
    CHECK_THROWS_WITH_AS(explore(10'000, lost_update), "two at once", std::runtime_error);
    CHECK_THROWS_WITH_AS(simulate(1, lost_update), "two at once", std::runtime_error);
    CHECK(seed_in(out.text()) == seed);
}

TEST_CASE("explore: a run is shrunk only to runs that fail in the same way") {
    // Without its choices the run fails, too, but for another reason.
    auto const f = [] {
        auto [tx, rx] = ramie::channel<int>(1);
        int first = 0;
        auto a = ramie::spawn([&] { first = first == 0 ? 1 : first; });
        auto b = ramie::spawn([&] { first = first == 0 ? 2 : first; });
        a.get();
        b.get();
        if (first == 1) (void)rx.receive();  // for ever
        throw std::runtime_error("b was first");
    };
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
        caught_stderr const out;
        try {
            simulate(seed, f);
        } catch (ramie::testing::simulation_failed const&) { continue; } catch (std::runtime_error const&) {
            break;
        }
    }
    caught_stderr const out;
    try {
        explore(100, f);
        FAIL("none failed");
    } catch (ramie::testing::simulation_failed const&) {
        CHECK(seed_in(out.text()).ends_with(':'));  // the plainest run does
    } catch (std::runtime_error const&) { CHECK_FALSE(seed_in(out.text()).ends_with(':')); }
}

TEST_CASE("explore: shrinking can be limited or left out") {
    environment const none("RAMIE_SIM_SEED", nullptr);
    unsigned runs = 0;
    auto const f = [&] {
        ++runs;
        for (int i = 0; i < 20; ++i) ramie::this_fiber::yield();
        if (simulation_seed() == 3) throw std::runtime_error("three");
    };
    caught_stderr const out;
    CHECK_THROWS(explore(10, f, {.most_shrinking_runs = 0}));
    CHECK(runs == 3);
    CHECK(seed_in(out.text()) == "3");
    CHECK_THROWS(explore(10, f, {.most_shrinking_runs = 1}));
    CHECK(runs == 3 + 3 + 2);
}

TEST_CASE("explore: a failure that does not come back is reported as it came") {
    environment const none("RAMIE_SIM_SEED", nullptr);
    bool first = true;
    caught_stderr const out;
    CHECK_THROWS_WITH_AS(explore(10,
                                 [&] {
                                     if (std::exchange(first, false)) throw std::runtime_error("once");
                                 }),
                         "once", std::runtime_error);
    CHECK(seed_in(out.text()) == "1");
}

TEST_CASE("RAMIE_SIM_SEED: takes the place of the program's seeds; what is none is refused") {
    {
        environment const asked("RAMIE_SIM_SEED", "77");
        simulate(1, [] { CHECK(simulation_seed() == 77); });
        CHECK(explore(5, [] { CHECK(simulation_seed() == 77); }) == 1);
    }
    environment const wrong("RAMIE_SIM_SEED", "7;8");
    CHECK_THROWS_WITH_AS(simulate(1, [] {}), doctest::Contains("RAMIE_SIM_SEED is \"7;8\"; accepted are"),
                         std::invalid_argument);
}

TEST_CASE("RAMIE_SIM_LOG: a file that cannot be written is refused") {
    environment const wrong("RAMIE_SIM_LOG", "/nowhere/log");
    CHECK_THROWS_WITH_AS(simulate(1, [] {}), doctest::Contains("RAMIE_SIM_LOG"), std::invalid_argument);
}

TEST_CASE("explore in a process of its own" * doctest::skip()) {
    simulate(12, [] {
        auto [tx, rx] = ramie::channel<std::uint64_t>(2);
        std::vector<ramie::join_handle<void>> all;
        for (int i = 0; i < 4; ++i) {
            all.push_back(ramie::spawn([tx]() mutable {
                for (int k = 0; k < 10; ++k) {
                    ramie::this_fiber::sleep_for(std::chrono::microseconds(ramie::random_source().below(2000)));
                    (void)tx.send(std::uint64_t(k));
                }
            }));
        }
        { auto const gone = std::move(tx); }
        while (auto const got = rx.receive()) ramie::testing::note("got " + std::to_string(*got));
        for (auto& each : all) each.get();
    });
}

TEST_CASE("simulate: in two processes the events of a seed are equal, byte for byte") {
    auto const folder = std::filesystem::temp_directory_path();
    auto const log_of = [&](char const* name) {
        auto const file = folder / (std::string(name) + std::to_string(::getpid()));
        (void)ramie::testing::in_fresh_process("explore in a process of its own", "RAMIE_SIM_LOG", file.c_str());
        auto const log = content(file);
        std::filesystem::remove(file);
        return log;
    };
    auto const one = log_of("simulated-one"), other = log_of("simulated-other");
    CHECK(one == other);
    CHECK(one.size() > 1000);
}
