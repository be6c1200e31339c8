// The blocking pool's shares: work of one kind that takes long, or never ends, leaves the other kinds their threads.
#include "chance.hpp"

#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <stop_token>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace ramie::testing;
using ramie::detail::blocking_share;

namespace {

constexpr std::array all_shares{blocking_share::jobs, blocking_share::files, blocking_share::names,
                                blocking_share::calls, blocking_share::steps};

template <class F>
auto spawn_blocking_in(blocking_share share, F f) {
    switch (share) {
    case blocking_share::jobs: return ramie::spawn_blocking(std::move(f));
    case blocking_share::files: return ramie::detail::spawn_blocking_in<blocking_share::files>(std::move(f));
    case blocking_share::names: return ramie::detail::spawn_blocking_in<blocking_share::names>(std::move(f));
    case blocking_share::calls: return ramie::detail::spawn_blocking_in<blocking_share::calls>(std::move(f));
    default: return ramie::detail::spawn_blocking_in<blocking_share::steps>(std::move(f));
    }
}

// Jobs that go on until they are let go, whoever aborts them.
struct held_jobs {
    std::atomic<unsigned> begun{0}, ended{0}, may_end{0};

    ramie::join_handle<void> one_in(blocking_share share) {
        return spawn_blocking_in(share, [this] {
            auto const mine = ++begun;
            while (may_end < mine) std::this_thread::yield();
            ++ended;
        });
    }
    void wait_begun(unsigned count) const {
        while (begun < count) ramie::this_fiber::yield();
    }
    void let_all_go() { may_end = 1'000'000; }
};

void until(auto condition) {
    while (!condition()) ramie::this_fiber::yield();
}

}  // namespace

TEST_CASE("blocking shares: one kind that fills its threads leaves every other kind its own") {
    for (auto const full : all_shares) {
        ramie::runtime rt({.workers = 2, .max_blocking_threads = 1});
        held_jobs held;
        rt.block_on([&] {
            std::vector<ramie::join_handle<void>> jobs;
            for (int i = 0; i < 3; ++i) jobs.push_back(held.one_in(full));
            held.wait_begun(1);
            for (auto const other : all_shares)
                if (other != full) CHECK(spawn_blocking_in(other, [] { return 7; }).get() == 7);
            CHECK(held.begun == 1);
            CHECK(rt.metrics().blocking_queued == 2);
            held.let_all_go();
            for (auto& each : jobs) each.get();
        });
    }
}

TEST_CASE("blocking shares: how many threads each kind has") {
    for (auto const& [share, most] : {std::pair{blocking_share::jobs, 8u},
                                      {blocking_share::files, 8u},
                                      {blocking_share::names, 2u},
                                      {blocking_share::calls, 8u},
                                      {blocking_share::steps, 3u}}) {
        ramie::runtime rt({.workers = 3, .max_blocking_threads = 8});
        held_jobs held;
        rt.block_on([&, share = share, most = most] {
            std::vector<ramie::join_handle<void>> jobs;
            for (int i = 0; i < 20; ++i) jobs.push_back(held.one_in(share));
            held.wait_begun(most);
            CHECK(rt.metrics().blocking_threads == most);
            CHECK(rt.metrics().blocking_queued == 20 - most);
            held.let_all_go();
            for (auto& each : jobs) each.get();
            CHECK(rt.metrics().blocking_threads == most);
        });
    }
}

TEST_CASE("blocking shares: a job that is left behind gives its thread's place away, but not without end") {
    for (auto const& [share, most, most_left] :
         {std::tuple{blocking_share::names, 2u, 2u}, {blocking_share::files, 8u, 2u}, {blocking_share::calls, 8u, 2u}}) {
        ramie::runtime rt({.workers = 2, .max_blocking_threads = 8});
        held_jobs held;
        rt.block_on([&, share = share, most = most, most_left = most_left] {
            // All places are taken; as many of those jobs are left behind as may be.
            std::vector<ramie::join_handle<void>> running;
            for (unsigned i = 0; i < most; ++i) running.push_back(held.one_in(share));
            held.wait_begun(most);
            auto queued = spawn_blocking_in(share, [] { return 7; });
            CHECK(rt.metrics().blocking_queued == 1);
            for (unsigned i = 0; i < most_left; ++i) running[i].abort();
            CHECK(queued.get() == 7);
            CHECK(rt.metrics().blocking_left_behind == most_left);
            CHECK(held.ended == 0);

            // Their places are taken, and the new jobs left behind, too: from here on the next one has to wait.
            for (unsigned i = 0; i < most_left; ++i) running.push_back(held.one_in(share));
            held.wait_begun(most + most_left);
            running.back().abort();
            CHECK(rt.metrics().blocking_left_behind == most_left + 1);
            auto waiting = spawn_blocking_in(share, [&] { return held.ended.load(); });
            CHECK(rt.metrics().blocking_threads == most + most_left);
            CHECK(rt.metrics().blocking_queued == 1);

            held.may_end = 1;
            CHECK(waiting.get() == 1);
            held.let_all_go();
            for (auto& each : running) (void)each.join();
            until([&] { return rt.metrics().blocking_threads <= most; });
            CHECK(rt.metrics().blocking_left_behind == 0);
            CHECK(spawn_blocking_in(share, [] { return 8; }).get() == 8);
        });
    }
}

TEST_CASE("blocking shares: the user's jobs keep their threads until they end, aborted or not") {
    ramie::runtime rt({.workers = 2, .max_blocking_threads = 1});
    held_jobs held;
    rt.block_on([&] {
        auto running = held.one_in(blocking_share::jobs);
        held.wait_begun(1);
        running.abort();
        auto next = ramie::spawn_blocking([&] { return held.ended.load(); });
        CHECK(rt.metrics().blocking_left_behind == 0);
        CHECK(rt.metrics().blocking_queued == 1);
        held.let_all_go();
        CHECK(next.get() == 1);
    });
}

TEST_CASE("blocking shares: jobs that are aborted at any moment lose no place and no job") {
    RAMIE_CAPTURE_SEED();
    for (auto const share : {blocking_share::names, blocking_share::files}) {
        ramie::runtime rt({.workers = 2, .max_blocking_threads = 4});
        std::atomic<int> begun{0}, ended{0};
        rt.block_on([&] {
            chance dice(share == blocking_share::names);
            for (std::size_t round = 0; round < rounds(100); ++round) {
                std::vector<ramie::join_handle<int>> jobs;
                for (int i = 0; i < 20; ++i) {
                    jobs.push_back(spawn_blocking_in(share, [&, i](std::stop_token stop) {
                        ++begun;
                        for (int turns = 0; turns < i && !stop.stop_requested(); ++turns) std::this_thread::yield();
                        ++ended;
                        return i;
                    }));
                }
                for (auto& each : jobs) {
                    if (dice.one_in(2)) each.abort();
                    if (dice.one_in(4)) ramie::this_fiber::yield();
                }
                for (int i = 0; auto& each : jobs) {
                    auto const end = each.join();
                    CHECK((end ? *end == i : end.error().is_cancelled()));
                    ++i;
                }
            }
            until([&] { return rt.metrics().blocking_left_behind == 0; });
            CHECK(begun == ended);
            // Every place is still there.
            held_jobs held;
            auto const most = share == blocking_share::names ? 1u : 4u;
            std::vector<ramie::join_handle<void>> all;
            for (unsigned i = 0; i < most; ++i) all.push_back(held.one_in(share));
            held.wait_begun(most);
            held.let_all_go();
            for (auto& each : all) each.get();
            until([&] { return rt.metrics().blocking_threads <= most; });
            CHECK(rt.metrics().blocking_queued == 0);
        });
    }
}
