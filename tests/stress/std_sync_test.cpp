// The primitives in the standard's shapes on real workers: lockers, waiters, aborters, limits and stops at random, and
// plain threads among them. What is guarded is counted without atomics, so that TSan sees a hand-over that orders
// nothing.
#include "random_rounds.hpp"

#include <ramie/async.hpp>
#include <ramie/barrier.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/counting_semaphore.hpp>
#include <ramie/jthread.hpp>
#include <ramie/latch.hpp>
#include <ramie/mutex.hpp>
#include <ramie/once_flag.hpp>
#include <ramie/promise.hpp>
#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/timed_mutex.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <utility>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

constexpr double cases = 1;  // each has its second to itself

// --- mutexes ---

template <class M>
struct guarded {
    M m;
    std::uint64_t inside = 0, count = 0;
    std::atomic<std::uint64_t> entered{0};

    void visit(chance& dice) {
        std::unique_lock held(m, std::defer_lock);
        if constexpr (requires { m.try_lock_for(1us); }) {
            if (dice.one_in(2)) {
                if (!held.try_lock_for(dice.up_to(30us))) return;
            }
        }
        if (!held.owns_lock()) held.lock();
        require(++inside == 1, "two hold a mutex");
        ++count;
        entered.fetch_add(1, std::memory_order_relaxed);
        struct out {
            std::uint64_t& n;
            ~out() { --n; }
        } const leaves{inside};
        pause_a_little(dice);
    }
};

template <class M>
void share_a_mutex(chance& dice) {
    guarded<M> g;
    crowd all;
    all.add(6, dice, [&](chance& own) {
        for (int i = 0; i < 20; ++i) g.visit(own);
    });
    std::thread plain([&g, own = chance(dice.next())]() mutable {
        for (int i = 0; i < 20; ++i) {
            std::lock_guard held(g.m);
            require(++g.inside == 1, "two hold a mutex");
            ++g.count;
            g.entered.fetch_add(1, std::memory_order_relaxed);
            --g.inside;
        }
    });
    all.abort_some(dice);
    all.join();
    plain.join();
    require(g.count == g.entered, "a count was lost");
    require(g.m.try_lock(), "the mutex is still held");
    g.m.unlock();
}

}  // namespace

TEST_CASE("std sync, at random: mutexes exclude, among limits and aborts, fibers and plain threads") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(cases, [](chance& dice) {
        share_a_mutex<ramie::mutex>(dice);
        share_a_mutex<ramie::timed_mutex>(dice);
        share_a_mutex<ramie::recursive_timed_mutex>(dice);
        share_a_mutex<ramie::shared_mutex>(dice);
    });
}

TEST_CASE("std sync, at random: a shared_mutex has many readers or one writer, among limits and aborts") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(cases, [](chance& dice) {
        ramie::shared_mutex m;
        std::uint64_t left = 0, right = 0;  // a writer changes both
        crowd all;
        all.add(8, dice, [&](chance& own) {
            for (int i = 0; i < 20; ++i) {
                if (own.one_in(4)) {
                    std::unique_lock held(m, std::defer_lock);
                    if (own.one_in(2)) held.lock();
                    else if (!held.try_lock_for(own.up_to(30us))) continue;
                    ++left;
                    if (own.one_in(8)) {
                        ramie::abort_shield whole;
                        ramie::this_fiber::yield();
                    }
                    ++right;
                } else {
                    std::shared_lock held(m, std::defer_lock);
                    if (own.one_in(2)) held.lock();
                    else if (!held.try_lock_for(own.up_to(30us))) continue;
                    require(left == right, "a reader sees half of a write");
                    pause_a_little(own);
                    require(left == right, "a writer came while one read");
                }
            }
        });
        all.abort_some(dice);
        all.join();
        require(m.try_lock(), "the shared_mutex is still held");
        m.unlock();
    });
}

TEST_CASE("std sync, at random: a condition_variable loses no item to stops, limits and aborts") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(cases, [](chance& dice) {
        ramie::mutex m;
        ramie::condition_variable changed;
        std::stop_source stop;
        int items = 0, taken = 0, made = 0;
        crowd takers, makers;
        takers.add(6, dice, [&](chance& own) {
            for (;;) {
                std::unique_lock lock(m);
                auto const there = [&] { return items > 0; };
                bool const got = own.one_in(2) ? changed.wait(lock, stop.get_token(), there)
                                               : changed.wait_for(lock, stop.get_token(), own.up_to(100us), there);
                if (got) {
                    --items;
                    ++taken;
                } else if (stop.stop_requested()) {
                    return;
                }
            }
        });
        makers.add(2, dice, [&](chance& own) {
            for (int i = 0; i < 30; ++i) {
                {
                    std::lock_guard held(m);
                    ++items;
                    ++made;
                }
                changed.notify_one();
                pause_a_little(own);
            }
        });
        takers.abort_some(dice);
        makers.join();
        std::optional<std::thread> plain;
        if (dice.one_in(4)) plain.emplace([&] { stop.request_stop(); });
        else stop.request_stop();
        takers.join();  // a stop that were lost would hang here
        if (plain) plain->join();
        require(made == 60 && items + taken == made, "an item was lost");
    });
}

TEST_CASE("std sync, at random: a counting_semaphore keeps its permits, among limits and aborts") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(cases, [](chance& dice) {
        ramie::counting_semaphore<8> s(3);
        std::atomic<int> inside = 0;
        crowd all;
        all.add(8, dice, [&](chance& own) {
            for (int i = 0; i < 20; ++i) {
                if (own.one_in(2)) s.acquire();
                else if (!s.try_acquire_for(own.up_to(30us))) continue;
                struct out {
                    ramie::counting_semaphore<8>& s;
                    std::atomic<int>& inside;
                    ~out() {
                        --inside;
                        s.release();
                    }
                } const leaves{s, inside};
                require(++inside <= 3, "more are in than there are permits");
                pause_a_little(own);
            }
        });
        all.abort_some(dice);
        all.join();
        for (int i = 0; i < 3; ++i) require(s.try_acquire(), "a permit was lost");
        require(!s.try_acquire(), "there is a permit too many");
    });
}

TEST_CASE("std sync, at random: parties meet at barriers and latches, and each phase has one leader") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(cases, [](chance& dice) {
        constexpr int parties = 5, phases = 8;
        int completed = 0;
        ramie::barrier meet(parties, [&]() noexcept { ++completed; });
        ramie::latch gone(parties);
        std::atomic<int> leaders = 0;
        crowd all;
        all.add(parties - 1, dice, [&](chance& own) {
            for (int i = 1; i <= phases; ++i) {
                if (meet.arrive_and_wait()) ++leaders;
                require(completed == i, "one went on before all had come");
                pause_a_little(own);
            }
            gone.arrive_and_wait();
        });
        std::thread plain([&] {
            for (int i = 1; i <= phases; ++i) {
                if (meet.arrive_and_wait()) ++leaders;
            }
            gone.count_down();
        });
        gone.wait();
        require(leaders == phases, "a phase had not one leader");
        all.join();
        plain.join();
    });
}

TEST_CASE("std sync, at random: call_once succeeds once, among exceptions and aborts") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(cases, [](chance& dice) {
        ramie::once_flag flag;
        int value = 0, tries = 0;
        crowd all;
        auto const attempt = [&](chance& own) {
            try {
                ramie::call_once(flag, [&] {
                    ++tries;
                    pause_a_little(own);
                    if (own.one_in(2)) throw 1;
                    ++value;
                });
                require(value == 1, "call_once returned before it was done");
            } catch (int) {
            }
        };
        all.add(8, dice, attempt);
        all.abort_some(dice);
        all.join();
        while (value == 0) attempt(dice);
        require(value == 1 && tries >= 1, "call_once did not succeed once");
    });
}

TEST_CASE("std sync, at random: every promise is kept or broken, every future gets its answer, every jthread ends") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(cases, [](chance& dice) {
        ramie::promise<tracked> p;
        ramie::shared_future<tracked> f = p.get_future().share();
        crowd all;
        auto giving = ramie::spawn([mine = std::move(p), own = chance(dice.next())]() mutable {
            pause_a_little(own);
            mine.set_value(tracked(5));
        });
        all.add(4, dice, [f](chance& own) {
            try {
                if (own.one_in(2)) {
                    while (f.wait_for(own.up_to(20us)) != ramie::future_status::ready) {}
                }
                require(f.get().value == 5, "not the value");
            } catch (ramie::future_error const&) {
            }
        });
        std::thread plain([f] {
            try {
                require(f.get().value == 5, "not the value");
            } catch (ramie::future_error const&) {
            }
        });
        {
            ramie::jthread const waits([](std::stop_token stop) {
                ramie::mutex m;
                ramie::condition_variable never;
                std::unique_lock lock(m);
                never.wait(lock, stop, [] { return false; });
            });
            auto const unasked = ramie::async([own = chance(dice.next())]() mutable { pause_a_little(own); });
            auto sum = ramie::async([own = chance(dice.next())](int a) mutable {
                pause_a_little(own);
                return tracked(a + 1);
            }, 6);
            if (dice.one_in(2)) giving.abort();
            all.abort_some(dice);
            require(sum.get().value == 7, "not the sum");
        }
        (void)giving.join();
        all.join();
        plain.join();
    });
}
