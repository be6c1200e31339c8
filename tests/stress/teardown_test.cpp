// Runtimes torn down at random moments with random work in flight: everything is unwound, nothing is left.
#include "chance.hpp"
#include "tracked.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

constexpr unsigned worker_counts[] = {1, 2, 4};

// What the tasks share outlives the runtime.
struct world {
    ramie::mutex lock;
    ramie::condition_variable changed;
    ramie::notify signal;
};

struct waits_when_destroyed {
    world& w;
    ~waits_when_destroyed() {
        ramie::abort_shield const whole;
        std::lock_guard held(w.lock);
        ramie::this_fiber::yield();
    }
};

// One step of a random life. Throws when it is aborted.
void random_step(world& w, chance& dice, std::function<void(std::uint64_t)> const& live) {
    switch (dice.below(12)) {
        case 0: ramie::this_fiber::yield(); break;
        case 1: ramie::this_fiber::sleep_for(dice.up_to(200us)); break;
        case 2: {
            std::lock_guard held(w.lock);
            if (dice.one_in(3)) ramie::this_fiber::sleep_for(dice.up_to(20us));
            break;
        }
        case 3: {
            std::unique_lock held(w.lock);
            (void)w.changed.wait_for(held, dice.up_to(200us));
            break;
        }
        case 4: w.changed.notify_all(); break;
        case 5: w.signal.notify_one(); break;
        case 6: (void)w.signal.wait_for(dice.up_to(200us)); break;
        case 7: (void)ramie::timeout(dice.up_to(100us), [&] { w.signal.wait(); }); break;
        case 8: ramie::spawn([&live, s = dice.next(), held = tracked()] { live(s); }).detach(); break;
        case 9: {
            auto child = ramie::spawn([&live, s = dice.next(), held = tracked()] { live(s); });
            if (dice.one_in(2)) child.abort();
            (void)child.wait_for(dice.up_to(200us));
            break;
        }
        case 10:
            ramie::spawn_blocking([held = tracked(), spins = dice.below(2000)](std::stop_token stop) {
                for (auto n = spins; n > 0 && !stop.stop_requested(); --n) ramie::detail::cpu_pause();
                return tracked();
            }).detach();
            break;
        case 11: {
            waits_when_destroyed const local{w};
            ramie::this_fiber::sleep_for(dice.up_to(50us));
            break;
        }
    }
}

}  // namespace

TEST_CASE("teardown: a runtime destroyed at any moment unwinds whatever its tasks are doing") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        stress_time const time(3);
        chance dice(workers);
        for (int runtimes = 0; runtimes < 4 || time.goes_on(); ++runtimes) {
            world w;
            std::atomic<std::size_t> lives{0};
            std::function<void(std::uint64_t)> const live = [&](std::uint64_t seed) {
                if (lives.fetch_add(1) > 2000) return;
                tracked const local;
                chance own(seed);
                for (auto steps = own.below(40); steps > 0; --steps) random_step(w, own, live);
            };
            {
                bool const current_thread = workers == 1 && dice.one_in(4);
                ramie::runtime rt({.workers = workers, .max_blocking_threads = 2, .current_thread = current_thread});
                for (auto n = dice.below(60); n > 0; --n)
                    rt.spawn([&live, s = dice.next(), held = tracked()] { live(s); }).detach();
                if (dice.one_in(2)) rt.block_on([&] { ramie::this_fiber::sleep_for(dice.up_to(500us)); });
                else
                    for (auto spins = dice.below(5000); spins > 0; --spins) ramie::detail::cpu_pause();
            }
            REQUIRE(tracked::alive() == 0);
            REQUIRE(w.lock.try_lock());
            w.lock.unlock();
        }
    }
}

TEST_CASE("teardown: foreign threads spawn into, wake and abort tasks of a runtime that is being destroyed") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        stress_time const time(3);
        chance dice(workers);
        while (time.goes_on()) {
            world w;
            std::atomic<bool> stop{false};
            std::vector<std::jthread> others;
            {
                ramie::runtime rt({.workers = workers});
                for (unsigned t = 0; t < 3; ++t) {
                    others.emplace_back([&, handle = rt.handle(), seed = dice.next()] {
                        chance own(seed);
                        std::vector<ramie::abort_handle> known;
                        try {
                            while (!stop) {
                                auto task = handle.spawn([&w, held = tracked()] {
                                    tracked const local;
                                    w.signal.wait();
                                    std::lock_guard locked(w.lock);
                                });
                                known.push_back(task.abort_handle());
                                if (own.one_in(2)) known[own.below(known.size())].abort();
                                if (own.one_in(3)) w.signal.notify_one();
                                if (own.one_in(8)) w.signal.notify_all();
                                if (own.one_in(8)) std::lock_guard locked(w.lock);
                                if (own.one_in(16)) (void)task.wait_for(own.up_to(100us));
                            }
                        } catch (ramie::no_runtime const&) {
                        }
                        for (auto const& k : known) k.abort();
                    });
                }
                for (auto spins = dice.below(30'000); spins > 0; --spins) ramie::detail::cpu_pause();
                if (dice.one_in(2)) CHECK(rt.shutdown(100s).empty());
            }
            stop = true;
            others.clear();
            REQUIRE(tracked::alive() == 0);
        }
    }
}

TEST_CASE("teardown: runtimes made and destroyed beside each other, whose tasks wait for each other") {
    RAMIE_CAPTURE_SEED();
    stress_time const time;
    chance dice(9);
    while (time.goes_on()) {
        world w;
        std::optional<ramie::runtime> a(std::in_place, ramie::runtime_options{.workers = 2});
        std::optional<ramie::runtime> b(std::in_place, ramie::runtime_options{.workers = 1 + static_cast<unsigned>(dice.below(2))});
        auto const in_a = a->handle(), in_b = b->handle();
        for (int i = 0; i < 20; ++i) {
            a->spawn([&w, in_b, held = tracked()] {
                 try {
                     auto there = in_b.spawn([&w, held = tracked()] {
                         w.signal.wait();
                         return tracked();
                     });
                     w.signal.notify_one();
                     (void)there.join();  // cancelled if b ends first; aborted if a does
                 } catch (ramie::no_runtime const&) {  // b is closing already
                 }
             }).detach();
        }
        for (auto spins = dice.below(20'000); spins > 0; --spins) ramie::detail::cpu_pause();
        bool const first = dice.one_in(2);
        (first ? a : b).reset();
        w.signal.notify_all();
        (first ? b : a).reset();
        REQUIRE(tracked::alive() == 0);
    }
}
