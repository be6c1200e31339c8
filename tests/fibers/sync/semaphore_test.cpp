// semaphore: first come first served, several permits at once, owned permits, closing, forgetting; no permit is lost.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::acquire_error;

namespace {

struct line {
    ramie::semaphore gate;
    std::vector<int> served;
    std::vector<ramie::join_handle<void>> tasks;
    explicit line(std::size_t permits) : gate(permits) {}
    // Takes that many and keeps them from coming back.
    void want(std::size_t count, int number) {
        tasks.push_back(ramie::spawn([this, count, number] {
            if (auto p = gate.acquire(count)) {
                p->forget();
                served.push_back(number);
            }
        }));
    }
};

}  // namespace

TEST_CASE("semaphore: acquire takes permits, and a permit gives them back when it goes") {
    ramie::semaphore gate(3);
    {
        auto const two = gate.acquire(2);
        CHECK(two->count() == 2);
        CHECK(gate.available() == 1);
        CHECK(gate.try_acquire(2).error() == acquire_error::no_permits);
        CHECK(gate.try_acquire());
    }
    CHECK(gate.available() == 3);
    CHECK(gate.acquire(0)->count() == 0);
    gate.release(2);
    CHECK(gate.available() == 5);
}

TEST_CASE("semaphore: waiters are served in the order they came; one who wants many is not overtaken") {
    both_ways([](one_thread_carrier& carrier) {
        line l(1);
        l.want(3, 0);
        l.want(1, 1);
        l.want(1, 2);
        carrier.drain();
        CHECK(l.served.empty());
        CHECK(l.gate.try_acquire().error() == acquire_error::no_permits);  // there is one, but others are first
        l.gate.release();
        carrier.drain();
        CHECK(l.served.empty());
        l.gate.release(2);
        carrier.drain();
        CHECK(l.served == std::vector{0, 1});
        l.gate.release();
        carrier.drain();
        CHECK(l.served == std::vector{0, 1, 2});
        CHECK(l.gate.available() == 0);
    });
}

TEST_CASE("semaphore: one release can serve many") {
    both_ways([](one_thread_carrier& carrier) {
        line l(0);
        for (int i = 0; i < 3; ++i) l.want(2, i);
        carrier.drain();
        l.gate.release(7);
        carrier.drain();
        CHECK(l.served == std::vector{0, 1, 2});
        CHECK(l.gate.available() == 1);
    });
}

TEST_CASE("semaphore: when a waiter for many gives up, those behind it get what there is") {
    both_ways([](one_thread_carrier& carrier) {
        line l(2);
        auto many = ramie::spawn([&] { CHECK(l.gate.acquire_for(1ms, 5).error() == acquire_error::timed_out); });
        carrier.drain();
        l.want(2, 1);
        carrier.drain();
        CHECK(l.served.empty());
        carrier.run();
        CHECK(l.served == std::vector{1});

        line m(2);
        m.want(5, 0);
        m.want(2, 1);
        carrier.drain();
        m.tasks[0].abort();
        carrier.drain();
        CHECK(m.served == std::vector{1});
        CHECK(m.gate.available() == 0);
    });
}

TEST_CASE("semaphore: permits meant for a waiter that was aborted at the same moment go to the next") {
    both_ways([](one_thread_carrier& carrier) {
        line l(0);
        l.want(1, 0);
        l.want(1, 1);
        carrier.drain();
        l.tasks[0].abort();
        l.gate.release();
        carrier.drain();
        CHECK(l.served == std::vector{1});

        // The other way round: it was served, gets its permit, and gives it back as it unwinds.
        auto task = ramie::spawn([&] {
            auto const mine = l.gate.acquire();
            ramie::this_fiber::abort_point();
        });
        carrier.drain();
        l.gate.release();
        CHECK(l.gate.available() == 0);
        task.abort();
        carrier.drain();
        CHECK(task.join().error().is_cancelled());
        CHECK(l.gate.available() == 1);
    });
}

TEST_CASE("semaphore: close tells all who wait and all who come; permits held can be given back") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::semaphore gate(1);
        std::optional held(gate.acquire().value());
        int told = 0;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 2; ++i) tasks.push_back(ramie::spawn([&] { told += gate.acquire().error() == acquire_error::closed; }));
        carrier.drain();
        gate.close();
        carrier.drain();
        CHECK(told == 2);
        CHECK(gate.is_closed());
        held.reset();
        CHECK(gate.available() == 1);
        CHECK(gate.try_acquire().error() == acquire_error::closed);
        CHECK(gate.acquire_for(1h).error() == acquire_error::closed);
    });
}

TEST_CASE("semaphore: a release that would overflow is an error, and adds nothing") {
    constexpr auto most = ramie::semaphore::max();
    ramie::semaphore gate(most - 1);
    gate.release();
    CHECK_THROWS_AS(gate.release(), std::length_error);
    CHECK_THROWS_AS(gate.release(std::numeric_limits<std::size_t>::max()), std::length_error);
    CHECK(gate.available() == most);
    auto out = gate.acquire(2).value();
    CHECK_THROWS_WITH_AS(gate.release(3),
                         "ramie: a semaphore with 9223372036854775805 free permits is given 3 more; its maximum is "
                         "9223372036854775807",
                         std::length_error);
    gate.release(2);
    CHECK(gate.available() == most);
}  // what comes back by itself has been there before: that is no error

TEST_CASE("semaphore: more permits than there can be are refused, not waited for") {
    constexpr auto most = ramie::semaphore::max();
    CHECK_THROWS_WITH_AS(ramie::semaphore(most + 1),
                         "ramie: a semaphore starts with 9223372036854775808 permits; accepted are 0 to 9223372036854775807",
                         std::invalid_argument);
    ramie::semaphore gate(1);
    CHECK_THROWS_AS((void)gate.acquire(most + 1), std::invalid_argument);
    CHECK(gate.try_acquire(most + 1).error() == acquire_error::no_permits);
    // Three times the maximum, merged.
    auto all = ramie::semaphore::permit();
    for (int i = 0; i < 2; ++i) {
        gate.release(most - gate.available());
        all.merge(gate.acquire(most).value());
    }
    gate.release(most);
    CHECK_THROWS_AS(all.merge(gate.acquire(most).value()), std::length_error);
    CHECK(all.count() == 2 * most);
    all.forget();
}

TEST_CASE("semaphore: dies and says why when more permits come back than can be counted") {
    auto const end = in_child([] {
        constexpr auto most = ramie::semaphore::max();
        ramie::semaphore gate(most);
        auto const first = gate.acquire(most);
        gate.release(most);
        auto const second = gate.acquire(most);
        gate.release(most);
    });
    CHECK(end.killed_by(SIGABRT));
    CHECK(end.said("ramie: a semaphore gets more permits back than can be counted"));
}

TEST_CASE("semaphore: forgotten permits do not come back") {
    ramie::semaphore gate(5);
    gate.acquire(2)->forget();
    CHECK(gate.available() == 3);
    CHECK(gate.forget(2) == 2);
    CHECK(gate.forget(2) == 1);
    CHECK(gate.available() == 0);
}

TEST_CASE("semaphore: permits are split and merged, and only with their own kind") {
    ramie::semaphore gate(5), other(1);
    auto all = gate.acquire(5).value();
    auto two = all.split(2);
    CHECK(two.count() == 2);
    CHECK(all.count() == 3);
    CHECK(all.split(4).count() == 0);
    CHECK(all.count() == 3);
    two = {};
    CHECK(gate.available() == 2);
    all.merge(gate.acquire(1).value());
    CHECK(all.count() == 4);
    CHECK_THROWS_AS(all.merge(other.acquire().value()), std::logic_error);
    CHECK(other.available() == 1);
    ramie::semaphore::permit none;
    none.merge(std::move(all));
    CHECK(none.count() == 4);
    none = {};
    CHECK(gate.available() == 5);
}

TEST_CASE("semaphore: the timed forms of acquire_owned give up at their limit, and own what they get") {
    both_ways([](one_thread_carrier& carrier) {
        auto gate = std::make_shared<ramie::semaphore>(2);
        auto task = ramie::spawn([&] {
            auto const in_an_hour = std::chrono::steady_clock::now() + 1h;
            auto two = ramie::semaphore::acquire_owned_for(gate, 1ms, 2).value();
            CHECK(two.count() == 2);
            CHECK(ramie::semaphore::acquire_owned_for(gate, 1ms).error() == acquire_error::timed_out);
            two.forget();
            gate->release();
            auto const one = ramie::semaphore::acquire_owned_until(gate, in_an_hour).value();
            CHECK(gate.use_count() == 3);  // with two and one
            gate->close();
            CHECK(ramie::semaphore::acquire_owned_for(gate, 1ms).error() == acquire_error::closed);
            gate = nullptr;
            CHECK(one.count() == 1);
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("semaphore: an owned permit keeps the semaphore alive") {
    auto gate = std::make_shared<ramie::semaphore>(2);
    std::weak_ptr const watched = gate;
    auto one = ramie::semaphore::acquire_owned(gate).value();
    auto two = ramie::semaphore::try_acquire_owned(gate).value();
    CHECK(ramie::semaphore::try_acquire_owned(gate).error() == acquire_error::no_permits);
    gate.reset();
    one = {};
    REQUIRE_FALSE(watched.expired());
    CHECK(watched.lock()->available() == 1);
    two = {};
    CHECK(watched.expired());
}

namespace {

// Three who take one or two of two permits for a while.
struct sharing {
    ramie::semaphore gate{2};
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;
    int inside = 0, most = 0;
    sharing() {
        for (int i = 0; i < 3; ++i)
            tasks.push_back(ramie::spawn([this, want = static_cast<std::size_t>(1 + i % 2)] {
                for (int k = 0; k < 2; ++k) {
                    auto const mine = gate.acquire_for(20ms, want);
                    inside += static_cast<int>(mine->count());
                    most = std::max(most, inside);
                    struct out {
                        int& n;
                        std::size_t count;
                        ~out() { n -= static_cast<int>(count); }
                    } const leaving{inside, mine->count()};
                    ramie::this_fiber::yield();
                }
            }));
        victim = tasks[1].abort_handle();
    }
    void check() {
        for (auto& t : tasks) CHECK(t.is_finished());
        CHECK(most <= 2);
        CHECK(inside == 0);
        CHECK(gate.available() == 2);
    }
};

}  // namespace

TEST_CASE("semaphore: an abort at any moment loses no permit") { abort_at_each_step<sharing>(); }

TEST_CASE("semaphore: plain threads share it") {
    ramie::semaphore gate(2);
    std::atomic<int> inside{0}, most{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int k = 0; k < 300; ++k) {
                auto const mine = gate.acquire();
                int const now = ++inside;
                if (now > most) most = now;
                --inside;
            }
        });
    for (auto& t : threads) t.join();
    CHECK(most <= 2);
    CHECK(gate.available() == 2);
}

TEST_CASE("semaphore: destroyed while a task waits on it says so") {
    dies_when_destroyed("semaphore", std::make_unique<ramie::semaphore>(0u), [](ramie::semaphore& s) { (void)s.acquire(); });
}
