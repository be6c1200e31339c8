// A runtime's only worker gets company, and is alone again: all that asks gets the same answer.
#include "carrier.hpp"

#include <ramie/block_in_place.hpp>
#include <ramie/detail/fence/solitude.hpp>
#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/wait/waiter.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace std::chrono_literals;
using ramie::detail::others_run_beside;
using ramie::detail::worker;

namespace {

RAMIE_NOIPA worker& here() { return *ramie::detail::this_worker(); }
// Of the running task: what decides how a mutex is handed over.
RAMIE_NOIPA bool locks_are_shared() { return others_run_beside(*here().current); }

// The answers of the one object to those that ask it: the queues, the posts, the locks, the crew of spares.
void check_alone(worker& w) {
    CHECK_FALSE(w.alone.is_in_company());
    CHECK_FALSE(w.alone.has_ended());
    CHECK(w.alone.needs_no_wake());
    CHECK_FALSE(locks_are_shared());
}
void check_in_company(worker& w) {
    CHECK(w.alone.is_in_company());
    CHECK_FALSE(w.alone.needs_no_wake());
    CHECK(locks_are_shared());
}

void block_until(std::atomic<bool> const& flag) {
    auto const limit = std::chrono::steady_clock::now() + 60s;
    while (!flag && std::chrono::steady_clock::now() < limit) std::this_thread::sleep_for(50us);
}

}  // namespace

TEST_CASE("company: it begins for queues, posts and locks at once when a spare comes, and ends when none is left") {
    ramie::runtime rt({.workers = 1});
    rt.block_on([&] {
        auto& w = here();
        for (int round = 0; round < 3; ++round) {
            CAPTURE(round);
            check_alone(w);
            std::atomic<bool> ran{false}, on_same_worker{true};
            auto task = ramie::spawn([&] {
                on_same_worker = &here() == &w;
                ran = true;
            });
            ramie::block_in_place([&] {
                block_until(ran);
                check_in_company(w);
            });
            CHECK(ran.load());
            CHECK_FALSE(on_same_worker.load());
            task.get();
            // The root may run on the spare meanwhile, until that goes off duty: half a second after its last task.
            auto const limit = std::chrono::steady_clock::now() + 60s;
            while ((&here() != &w || w.alone.has_ended()) && std::chrono::steady_clock::now() < limit)
                ramie::this_fiber::yield();
        }
        check_alone(w);
    });
}

TEST_CASE("company: several workers are in company from the first moment, and a spare is") {
    ramie::run({.workers = 2}, [] { check_in_company(here()); });
    std::atomic<bool> ran{false};
    ramie::run({.workers = 1}, [&] {
        auto task = ramie::spawn([&] {
            check_in_company(here());
            ran = true;
        });
        ramie::block_in_place([&] { block_until(ran); });
        task.get();
    });
    CHECK(ran.load());
}

TEST_CASE("company: a worker that is never joined by another stays alone") {
    ramie::run({.workers = 1}, [] {
        for (int i = 0; i < 1000; ++i) ramie::this_fiber::yield();
        check_alone(here());
    });
    ramie::run({.current_thread = true}, [] { check_alone(here()); });
}
