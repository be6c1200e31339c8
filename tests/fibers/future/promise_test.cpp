// promise, future and shared_future.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "counting_allocator.hpp"
#include "tracked.hpp"

#include <ramie/promise.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

static_assert(std::is_nothrow_move_constructible_v<ramie::promise<int>> && !std::is_copy_constructible_v<ramie::promise<int>>);
static_assert(std::is_nothrow_move_constructible_v<ramie::future<int>> && !std::is_copy_constructible_v<ramie::future<int>>);
static_assert(std::is_copy_constructible_v<ramie::shared_future<int>> && std::is_copy_assignable_v<ramie::shared_future<int>>);
static_assert(std::is_same_v<decltype(std::declval<ramie::future<int&>>().get()), int&>);
static_assert(std::is_same_v<decltype(std::declval<ramie::shared_future<int>>().get()), int const&>);
static_assert(std::is_same_v<decltype(std::declval<ramie::shared_future<int&>>().get()), int&>);
static_assert(std::is_same_v<decltype(std::declval<ramie::shared_future<void>>().get()), void>);

namespace {

template <class F>
std::optional<std::future_errc> errc_of(F&& f) {
    try {
        std::forward<F>(f)();
    } catch (ramie::future_error const& e) {
        return static_cast<std::future_errc>(e.code().value());
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("future: waits for the value, moves it out once and is empty then") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::promise<tracked> p;
        auto f = p.get_future();
        auto waits = ramie::spawn([&] {
            auto const value = f.get().value;
            CHECK_FALSE(f.valid());
            return value;
        });
        carrier.drain();
        CHECK_FALSE(waits.is_finished());
        p.set_value(tracked(7));
        carrier.drain();
        CHECK(waits.get() == 7);
    });
    CHECK(tracked::alive() == 0);
}

TEST_CASE("future: of a reference, of nothing, of an exception, and from braces") {
    int place = 1;
    ramie::promise<int&> reference;
    reference.set_value(place);
    CHECK(&reference.get_future().get() == &place);
    ramie::promise<void> nothing;
    nothing.set_value();
    nothing.get_future().get();
    ramie::promise<std::string> braces;
    braces.set_value({'o', 'k'});
    CHECK(braces.get_future().get() == "ok");
    ramie::promise<std::unique_ptr<int>> failing;
    failing.set_exception(std::make_exception_ptr(std::runtime_error("why")));
    CHECK_THROWS_WITH_AS(failing.get_future().get(), "why", std::runtime_error);
}

TEST_CASE("future: the standard's errors") {
    using enum std::future_errc;
    ramie::future<int> none;
    CHECK(errc_of([&] { none.get(); }) == no_state);
    CHECK(errc_of([&] { none.wait(); }) == no_state);
    CHECK(errc_of([&] { (void)none.wait_for(1s); }) == no_state);
    CHECK(errc_of([&] { ramie::shared_future<int>().get(); }) == no_state);

    ramie::promise<int> p;
    auto f = p.get_future();
    CHECK(errc_of([&] { (void)p.get_future(); }) == future_already_retrieved);
    p.set_value(1);
    CHECK(errc_of([&] { p.set_value(2); }) == promise_already_satisfied);
    CHECK(errc_of([&] { p.set_exception(std::make_exception_ptr(3)); }) == promise_already_satisfied);
    CHECK(f.get() == 1);
    CHECK(errc_of([&] { f.get(); }) == no_state);

    ramie::promise<int> moved(std::move(p));
    CHECK(errc_of([&] { p.set_value(2); }) == no_state);
    CHECK(errc_of([&] { (void)p.get_future(); }) == no_state);
}

TEST_CASE("future: a promise that goes without a word is broken, and wakes who waits") {
    both_ways([](one_thread_carrier& carrier) {
        std::optional<ramie::promise<int>> p(std::in_place);
        auto f = p->get_future();
        auto waits = ramie::spawn([&] { return errc_of([&] { f.get(); }); });
        carrier.drain();
        p.reset();
        carrier.drain();
        CHECK(waits.get() == std::future_errc::broken_promise);

        ramie::promise<int> q;
        auto g = q.get_future();
        q = ramie::promise<int>();
        CHECK(errc_of([&] { g.get(); }) == std::future_errc::broken_promise);
    });
}

TEST_CASE("future: of a promise that a task held when it was aborted is broken") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::promise<int> p;
        auto f = p.get_future();
        auto task = ramie::spawn([p = std::move(p)]() mutable {
            ramie::this_fiber::sleep_for(1h);
            p.set_value(1);
        });
        auto waits = ramie::spawn([&] { return errc_of([&] { f.get(); }); });
        carrier.drain();
        task.abort();
        carrier.drain();
        CHECK(waits.get() == std::future_errc::broken_promise);
        (void)task.join();
    });
}

TEST_CASE("future: a value whose making throws leaves the promise as it was") {
    struct picky {
        explicit picky(int n) {
            if (n < 0) throw std::invalid_argument("negative");
        }
    };
    ramie::promise<picky> p;
    CHECK_THROWS_AS(p.set_value(-1), std::invalid_argument);
    p.set_value(1);
    (void)p.get_future().get();
}

// For TSan: the next thread to make the value sees what the failed one wrote, and nothing but the state says so. (A
// promise would count references on the way.)
TEST_CASE("future: after one thread failed to make the value another makes it in the same place") {
    struct picky {
        picky(int v) : value(v) {
            if (v < 0) throw std::range_error("negative");
        }
        int value;
    };
    ramie::detail::future_state<picky> state;
    std::atomic<bool> has_failed = false;
    std::thread first([&] {
        try {
            state.set_value(-1);
        } catch (std::range_error const&) {
            has_failed.store(true, std::memory_order_relaxed);  // orders nothing, nor does what would count a check
        }
    });
    while (!has_failed.load(std::memory_order_relaxed)) std::this_thread::yield();
    state.set_value(7);
    CHECK(state.take().value == 7);
    first.join();
}

TEST_CASE("promise: what it shares with its future comes from an allocator that is given") {
    blocks given;
    {
        ramie::promise<std::string> p(std::allocator_arg, counting_allocator<int>(given));
        CHECK(given.alive == 1);
        auto f = p.get_future();
        p.set_value("seven");
        CHECK(f.get() == "seven");
    }
    CHECK(given.made == 1);
    CHECK(given.alive == 0);
}

TEST_CASE("future: limits pass, and the value comes all the same") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::promise<int> p;
        auto f = p.get_future();
        auto waits = ramie::spawn([&] {
            CHECK(f.wait_for(0s) == ramie::future_status::timeout);
            CHECK(f.wait_for(1ms) == ramie::future_status::timeout);
            CHECK(f.wait_until(std::chrono::system_clock::now() - 1h) == ramie::future_status::timeout);
            CHECK_FALSE(ramie::timeout(1ms, [&] { f.wait(); }).has_value());
            CHECK(f.wait_for(1h) == ramie::future_status::ready);
            CHECK(f.wait_for(0s) == ramie::future_status::ready);
            CHECK(f.valid());
            return f.get();
        });
        carrier.drain();
        for (int i = 0; i < 2; ++i) {
            carrier.advance(1ms);
            carrier.drain();
        }
        p.set_value(7);
        carrier.drain();
        CHECK(waits.get() == 7);
    });
}

TEST_CASE("future: the promise may be destroyed by whoever received from it") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            std::optional<ramie::promise<int>> p(std::in_place);
            auto child = ramie::spawn([&] { p->set_value(3); });
            CHECK(p->get_future().get() == 3);
            p.reset();
            child.get();
        });
        carrier.drain();
        parent.get();
    });
}

TEST_CASE("shared_future: all copies see the one value, or the one exception") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::promise<std::string> p;
        auto single = p.get_future();
        ramie::shared_future<std::string> const f = single.share();
        CHECK_FALSE(single.valid());
        std::vector<ramie::join_handle<std::string const*>> tasks;
        for (int i = 0; i < 3; ++i) tasks.push_back(ramie::spawn([f] { return &f.get(); }));
        carrier.drain();
        p.set_value("all");
        carrier.drain();
        for (auto& t : tasks) CHECK(t.get() == &f.get());

        ramie::promise<void> failing;
        ramie::shared_future<void> g(failing.get_future());
        failing.set_exception(std::make_exception_ptr(std::runtime_error("why")));
        for (int i = 0; i < 2; ++i) CHECK_THROWS_WITH_AS(g.get(), "why", std::runtime_error);
    });
}

namespace {

// Three wait for one value; the victim is one of them, or the giver.
template <std::size_t Victim>
struct one_result {
    ramie::promise<tracked> p;
    ramie::shared_future<tracked> f{p.get_future()};
    std::size_t received = 0, broken = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    one_result() {
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([this, i] {
                try {
                    while (f.wait_for(std::chrono::milliseconds(i + 1)) != ramie::future_status::ready) {}
                    if (f.get().value == 5) ++received;
                } catch (ramie::future_error const&) {
                    ++broken;
                }
            }));
        }
        tasks.push_back(ramie::spawn([mine = std::move(p)]() mutable {
            ramie::this_fiber::sleep_for(5ms);
            mine.set_value(tracked(5));
        }));
        victim = tasks[Victim].abort_handle();
    }
    void check() {
        CHECK(received + broken >= 2);
        CHECK((received == 0 || broken == 0));
        for (auto& t : tasks) (void)t.join();
    }
};

}  // namespace

TEST_CASE("future: with an abort at any step of a receiver or the giver, the others get the value or a broken promise") {
    abort_at_each_step<one_result<1>>();
    abort_at_each_step<one_result<3>>();
    CHECK(tracked::alive() == 0);
}

TEST_CASE("future: plain threads give and receive, and of several that give one succeeds") {
    for (int round = 0; round < 200; ++round) {
        std::optional<ramie::promise<int>> p(std::in_place);
        ramie::shared_future<int> f = p->get_future().share();
        std::atomic<int> gave = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < 2; ++t) {
            threads.emplace_back([&, t] {
                if (!errc_of([&] { p->set_value(t); })) ++gave;
            });
            threads.emplace_back([f] {
                while (f.wait_for(10us) != ramie::future_status::ready) {}
                CHECK(f.get() < 2);
            });
        }
        for (auto& t : threads) t.join();
        CHECK(gave == 1);
    }
}
