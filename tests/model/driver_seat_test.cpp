// driver_seat, with parker and idle_set: which worker waits in the driver, until when, and how it is woken (idle.md, Deadlines
// and The driver). A deadline that is armed while a worker sleeps in the driver ends that sleep, or is known to it; a post
// wakes a worker, wherever it sleeps; if all sleep, one of them is in the driver.
//
// The driver is a word: turn() sleeps until it is set or the time comes, interrupt() sets it. What is ready outside sets it too.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "sleep/driver_seat.hpp"
#include "sleep/idle.hpp"
#include "sleep/parker.hpp"

#include "worker/worker.hpp"

#include <ramie/detail/sleep/driver.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>

using namespace ramie::model;
using ramie::detail::driver_seat;
using ramie::detail::idle_set;
using ramie::detail::never;
using ramie::detail::parker;
using ramie::detail::time_point;
using namespace std::chrono_literals;
using enum std::memory_order;

namespace {

struct word_driver final : ramie::detail::driver {
    atomic<std::uint32_t> word{0};
    atomic<int> outside{0};  // pieces of work that are ready
    int found = 0;           // by the last turn. One worker at a time has the driver: else a race

    void turn(time_point until) override {
        while (word.load(acquire) == 0 && ramie::detail::futex_wait(word, 0, until)) {}
        word.store(0, relaxed);
        found = outside.exchange(0, acquire);
    }
    void interrupt() noexcept override {
        word.store(1, release);
        ramie::detail::futex_wake(word);
    }
    bool harvest() override { return false; }
};

struct world {
    driver_seat seat;
    word_driver driver;
    idle_set idle{2, 2};
    std::array<parker, 2> parkers{};
    // What a heap publishes.
    atomic<time_point::rep> first{never.time_since_epoch().count()};
    atomic<int> queued{0};
    alignas(ramie::detail::worker) std::array<std::byte, sizeof(ramie::detail::worker)> places[2]{};
    ramie::detail::worker& worker(std::size_t i) { return *reinterpret_cast<ramie::detail::worker*>(places[i].data()); }

    time_point first_deadline() { return time_point(time_point::duration(first.load(seq_cst))); }
    // carrier::park_until().
    void arm(time_point until) {
        first.store(until.time_since_epoch().count(), seq_cst);
        if (seat.sleeps_beyond(until)) driver.interrupt();
    }
    void post() {
        queued.fetch_add(1, release);
        auto* const w = idle.wake_for_work();
        if (w == nullptr) return;
        for (std::size_t i = 0; i < 2; ++i)
            if (w == &worker(i)) return parkers[i].unpark(driver);
    }
    // worker::turn_driver().
    void turn_driver(std::size_t i) {
        if (!parkers[i].enter_driver()) return;
        driver.turn(seat.announce(never, [this] { return first_deadline(); }));
        seat.awake();
        queued.fetch_add(driver.found, release);
        parkers[i].leave_driver();
    }
    // worker::sleep(), in the middle.
    void sleep(std::size_t i) {
        if (seat.try_take()) {
            turn_driver(i);
            seat.give_back();
        } else {
            parkers[i].sleep(never);
        }
    }
    bool take() {
        auto n = queued.load(relaxed);
        while (n > 0)
            if (queued.compare_exchange_strong(n, n - 1, acq_rel, relaxed)) return true;
        return false;
    }
    // worker::find_work(), until it has found one piece.
    void work(std::size_t i) {
        bool searching = false;
        for (;;) {
            if (!searching) searching = idle.start_search();
            if (searching && take()) {
                if (idle.stop_search()) wake_another();
                return;
            }
            idle.list(worker(i), std::exchange(searching, false), {});
            if (queued.load(seq_cst) > 0) {
                if (idle.unlist(worker(i))) idle.join_search();
                searching = true;
                continue;
            }
            sleep(i);
            searching = !idle.unlist(worker(i));
        }
    }
    void wake_another() {
        auto* const w = idle.wake_for_work();
        for (std::size_t i = 0; i < 2; ++i)
            if (w == &worker(i)) return parkers[i].unpark(driver);
    }
};

constexpr auto soon = time_point{} + 2h, later = time_point{} + 3h;

}  // namespace

TEST_CASE("model: driver_seat: a deadline armed before, at or after the moment of falling asleep in the driver") {
    check({no_bound, 3}, [] {
        auto s = std::make_shared<world>();
        thread([=] { s->sleep(0); });  // ends only by the deadline
        thread([=] { s->arm(soon); });
        finally([=] { require(!s->seat.is_attended() && s->first_deadline() == soon, "something is left"); });
    });
}

TEST_CASE("model: driver_seat: an earlier deadline ends a sleep that is for a later one") {
    check({3, 3}, [] {
        auto s = std::make_shared<world>();
        s->first.store(later.time_since_epoch().count(), relaxed);
        auto until = std::make_shared<time_point>();
        thread([=] {
            *until = s->seat.announce(never, [=] { return s->first_deadline(); });
            // It would sleep now. What is armed and does not interrupt it is what it sleeps for.
            if (s->queued.load(acquire) == 1)
                require(*until == soon || s->driver.word.load(relaxed) == 1, "it oversleeps");
        });
        thread([=] {
            s->arm(soon);
            s->queued.store(1, release);  // armed
        });
    });
}

TEST_CASE("model: driver_seat: one worker in the driver, one on its futex: what is posted is found by one of them") {
    check({1, 1}, [] {
        auto s = std::make_shared<world>();
        for (std::size_t i = 0; i < 2; ++i) thread([=] { s->work(i); });
        thread([=] {
            s->post();
            s->post();
        });
        finally([=] { require(s->queued.load(relaxed) == 0 && s->idle.sleeping() == 0, "something is left"); });
    });
}

TEST_CASE("model: driver_seat: what is ready outside wakes the worker in the driver, and that one wakes the other for the rest") {
    check({1, 1}, [] {
        auto s = std::make_shared<world>();
        for (std::size_t i = 0; i < 2; ++i) thread([=] { s->work(i); });
        thread([=] {
            s->driver.outside.store(2, release);
            s->driver.interrupt();
        });
        finally([=] {
            require(s->queued.load(relaxed) == 0 && s->driver.outside.load(relaxed) == 0, "something is left");
            require(!s->seat.is_attended() && s->idle.sleeping() == 0, "a worker is left");
        });
    });
}

TEST_CASE("model: driver_seat: one worker at a time has it, and finds it as the one before has left it") {
    check(everything, [] {
        auto seat = std::make_shared<driver_seat>();
        auto turns = std::make_shared<int>(0);
        for (int i = 0; i < 3; ++i)
            thread([=] {
                if (!seat->try_take()) return;
                ++*turns;
                seat->give_back();
            });
        finally([=] { require(*turns > 0, "no worker takes it"); });
    });
}
