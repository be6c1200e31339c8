// Many tasks and some plain threads use everything at random; what goes in must come out.
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
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

constexpr unsigned worker_counts[] = {1, 2, 4};
constexpr double parts = 3;  // each case runs once per worker count

// A bounded queue as a user would write it: a mutex and two condition variables.
class mailbox {
  public:
    void put(int value) {
        std::unique_lock held(lock_);
        room_.wait(held, [&] { return values_.size() < 8; });
        values_.push_back(value);
        held.unlock();
        some_.notify_one();
    }
    int take() {
        std::unique_lock held(lock_);
        try {
            some_.wait(held, [&] { return !values_.empty(); });
        } catch (...) {
            if (!held.owns_lock()) std::abort();  // whatever ends the wait, the lock is held again
            throw;
        }
        auto const value = values_.front();
        values_.pop_front();
        held.unlock();
        room_.notify_one();
        return value;
    }
    std::size_t size() {
        std::lock_guard held(lock_);
        return values_.size();
    }

  private:
    ramie::mutex lock_;
    ramie::condition_variable some_, room_;
    std::deque<int> values_;
};

}  // namespace

TEST_CASE("stress: a counter under a mutex, whose waiters are aborted and timed out, loses no increment") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::mutex lock;
        long plain = 0;  // guarded by the mutex alone: TSan looks at it
        std::atomic<long> counted{0};
        std::atomic<int> given_up{0};
        {
            ramie::runtime rt({.workers = workers});
            stress_time const time(parts);
            auto const goes_on = [&] { return time.goes_on() || given_up == 0; };
            auto const visit = [&](chance& dice) {
                bool const sleeps = dice.one_in(8);
                std::lock_guard held(lock);
                ++plain;
                counted.fetch_add(1, std::memory_order_relaxed);
                if (sleeps) ramie::this_fiber::sleep_for(dice.up_to(20us));
            };
            std::vector<std::jthread> threads;
            for (unsigned t = 0; t < 2; ++t) {
                threads.emplace_back([&, t] {
                    chance dice(1000 + t);
                    while (goes_on()) visit(dice);
                });
            }
            rt.block_on([&] {
                std::vector<ramie::join_handle<void>> tasks;
                for (unsigned t = 0; t < 12; ++t) {
                    tasks.push_back(ramie::spawn([&, t] {
                        chance dice(t);
                        while (goes_on()) {
                            switch (dice.below(4)) {
                                case 0: visit(dice); break;
                                case 1:
                                    if (!ramie::timeout(dice.up_to(50us), [&] { visit(dice); })) ++given_up;
                                    break;
                                case 2: {
                                    auto child = ramie::spawn([&, seed = dice.next()] {
                                        chance own(seed);
                                        visit(own);
                                    });
                                    ramie::this_fiber::sleep_for(dice.up_to(30us));
                                    if (!child.abort_and_join()) ++given_up;
                                    break;
                                }
                                case 3:
                                    if (lock.try_lock()) {
                                        ++plain;
                                        ++counted;
                                        if (dice.one_in(4)) ramie::this_fiber::yield();
                                        lock.unlock();
                                    }
                                    break;
                            }
                        }
                    }));
                }
                for (auto& t : tasks) t.get();
            });
        }
        CHECK(plain == counted.load());
        CHECK(lock.try_lock());
        lock.unlock();
    }
}

TEST_CASE("stress: values through a mailbox of mutex and condition variables, with aborts and timeouts, all arrive once") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        mailbox box;
        std::atomic<long> put_sum{0}, taken_sum{0};
        std::atomic<std::size_t> put_count{0}, taken_count{0}, given_up{0};
        {
            ramie::runtime rt({.workers = workers});
            stress_time const time(parts);
            auto const goes_on = [&] { return time.goes_on() || given_up == 0 || taken_count == 0; };
            std::atomic<unsigned> putting{0};
            auto const put_some = [&](chance& dice) {
                auto const value = static_cast<int>(dice.below(1000));
                box.put(value);
                put_sum += value;
                ++put_count;
            };
            auto const take_one = [&] {
                taken_sum += box.take();
                ++taken_count;
            };
            std::vector<std::jthread> threads;
            ++putting;
            threads.emplace_back([&] {
                chance dice(1000);
                while (goes_on()) put_some(dice);
                --putting;
            });
            threads.emplace_back([&] {
                while (putting.load() > 0 || box.size() > 0) (void)ramie::timeout(1ms, take_one);
            });
            rt.block_on([&] {
                std::vector<ramie::join_handle<void>> tasks;
                for (unsigned t = 0; t < 6; ++t) {
                    ++putting;
                    tasks.push_back(ramie::spawn([&, t] {
                        chance dice(t);
                        while (goes_on()) {
                            if (dice.one_in(4)) {
                                // Aborted or not, what was put was counted: the counting has no abort point.
                                auto child = ramie::spawn([&, seed = dice.next()] {
                                    chance own(seed);
                                    put_some(own);
                                });
                                if (dice.one_in(2)) ramie::this_fiber::yield();
                                if (!child.abort_and_join()) ++given_up;
                            } else if (!ramie::timeout(dice.up_to(100us), [&] { put_some(dice); })) {
                                ++given_up;
                            }
                        }
                        --putting;
                    }));
                    tasks.push_back(ramie::spawn([&, t] {
                        chance dice(100 + t);
                        while (putting.load() > 0 || box.size() > 0) {
                            if (!ramie::timeout(dice.up_to(100us), take_one)) ++given_up;
                        }
                    }));
                }
                for (auto& t : tasks) t.get();
            });
        }
        CHECK(box.size() == 0);
        CHECK(put_count.load() == taken_count.load());
        CHECK(put_sum.load() == taken_sum.load());
    }
}

TEST_CASE("stress: permits handed round in a ring of notifies by tasks and threads are never lost") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        constexpr std::size_t stations = 8;
        ramie::notify station[stations];
        std::atomic<std::size_t> passes{0};
        std::atomic<bool> done{false};
        {
            ramie::runtime rt({.workers = workers});
            stress_time const time(parts);
            // Waits in every way; false: the time ran out, and then no permit was taken.
            auto const wait = [&](std::size_t i, chance& dice) {
                switch (dice.below(3)) {
                    case 0: return station[i].wait_for(dice.up_to(60us));
                    case 1: return ramie::timeout(dice.up_to(60us), [&] { station[i].wait(); }).has_value();
                    default: return station[i].wait_for(10ms);
                }
            };
            auto const serve = [&](std::size_t i, std::uint64_t seed) {
                chance dice(seed);
                while (!done) {
                    if (!wait(i, dice)) continue;
                    ++passes;
                    station[(i + 1) % stations].notify_one();
                }
            };
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < 2; ++i) threads.emplace_back([&, i] { serve(i * 4, 1000 + i); });
            rt.block_on([&] {
                std::vector<ramie::join_handle<void>> tasks;
                for (std::size_t i = 0; i < stations; ++i)
                    for (std::size_t n = 0; n < 2; ++n) tasks.push_back(ramie::spawn([&, i, n] { serve(i, 10 * i + n); }));
                // Waiters that are aborted: who has the permit already passes it on, the next one gets it otherwise.
                auto aborter = ramie::spawn([&] {
                    chance dice(77);
                    while (!done) {
                        auto const i = dice.below(stations);
                        auto victim = ramie::spawn([&, i] {
                            station[i].wait();
                            ++passes;
                            station[(i + 1) % stations].notify_one();
                        });
                        ramie::this_fiber::sleep_for(dice.up_to(40us));
                        (void)victim.abort_and_join();
                    }
                });
                station[0].notify_one();
                while (time.goes_on() || passes.load() < 100) ramie::this_fiber::sleep_for(100us);
                done = true;
                for (auto& t : tasks) t.get();
                aborter.get();
            });
        }
        // Exactly one is still somewhere.
        std::size_t left = 0;
        for (auto& s : station) left += s.wait_for(0ms) ? 1 : 0;
        CHECK(left == 1);
        CHECK(passes.load() >= 100);
    }
}

TEST_CASE("stress: trees of tasks that spawn, join, abort, drop, fail and block at random; every value dies once") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        std::atomic<std::size_t> unseen{0};
        {
            ramie::runtime rt({.workers = workers,
                               .max_blocking_threads = 3,
                               .on_task_failure = [&](ramie::join_error const&) { ++unseen; }});
            stress_time const time(parts);
            std::function<tracked(std::uint64_t, int)> grow = [&](std::uint64_t seed, int depth) {
                tracked const local;
                chance dice(seed);
                std::vector<ramie::join_handle<tracked>> children;
                for (auto n = dice.below(8); n > 0; --n) {
                    switch (dice.below(10)) {
                        case 0: ramie::this_fiber::yield(); break;
                        case 1: ramie::this_fiber::sleep_for(dice.up_to(30us)); break;
                        case 2:
                            children.push_back(ramie::spawn_blocking([held = tracked()] { return tracked(); }));
                            break;
                        case 3:
                            if (!children.empty()) children[dice.below(children.size())].abort();
                            break;
                        case 4:
                            if (!children.empty()) children.erase(children.begin());  // detaches
                            break;
                        case 5:
                            if (depth > 0 && dice.one_in(3)) throw std::runtime_error("at random");
                            break;
                        case 6:
                            if (!children.empty()) (void)ramie::timeout(dice.up_to(50us), [&] { (void)children.back().wait_for(1s); });
                            break;
                        default:
                            if (depth < 4) {
                                ramie::task_options options;
                                options.pinned = dice.one_in(6);
                                children.push_back(ramie::spawn(options, [&grow, depth, s = dice.next(), held = tracked()] {
                                    return grow(s, depth + 1);
                                }));
                            }
                    }
                }
                for (auto& c : children)
                    if (dice.one_in(2)) (void)c.join();
                return tracked();
            };
            chance dice(workers);
            while (time.goes_on() || unseen == 0) {
                std::vector<ramie::join_handle<tracked>> roots;
                for (int i = 0; i < 20; ++i)
                    roots.push_back(rt.spawn([&grow, s = dice.next(), held = tracked()] { return grow(s, 0); }));
                for (auto& r : roots) (void)r.join();
                while (rt.metrics().live_tasks > 300) std::this_thread::yield();
            }
        }
        CHECK(tracked::alive() == 0);
    }
}
