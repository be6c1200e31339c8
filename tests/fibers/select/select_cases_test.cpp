// What each case of a select does when it wins and when it loses: sleep, join, notify, semaphore, token. (Channels:
// select_test.cpp.)
#include "both_ways.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/notify.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <expected>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {
auto const ignore = [](auto&&...) {};
}

TEST_CASE("select: on_sleep and on_deadline: the earliest wins, at its time") {
    both_ways([](one_thread_carrier& carrier) {
        std::optional<std::size_t> won;
        auto const started = ramie::detail::carrier::now();
        auto task = ramie::spawn([&] {
            won = ramie::select(ramie::on_sleep(3ms, ignore), ramie::on_sleep(1ms, ignore),
                                ramie::on_deadline(std::chrono::steady_clock::time_point::max(), ignore));
            CHECK(ramie::detail::carrier::now() - started == 1ms);
            CHECK(ramie::select(ramie::on_sleep(0ms, ignore)) == 0);
        });
        carrier.run();
        CHECK(won == 1);
        task.get();
    });
}

TEST_CASE("select: on_join gives the result of the task that finished; one that lost stays joinable") {
    both_ways([](one_thread_carrier& carrier) {
        auto quick = ramie::spawn([] { return 1; });
        auto slow = ramie::spawn([] {
            ramie::this_fiber::sleep_for(5ms);
            return 2;
        });
        std::optional<int> got;
        auto task = ramie::spawn([&] {
            auto const keep = [&](std::expected<int, ramie::join_error> r) { got = r.value(); };
            ramie::this_fiber::yield();
            CHECK(ramie::select(ramie::on_join(quick, keep), ramie::on_join(slow, keep)) == 0);
            CHECK(got == 1);
            CHECK_FALSE(quick.valid());
            CHECK(slow.valid());
            CHECK(ramie::select(ramie::on_join(slow, keep), ramie::on_sleep(1ms, ignore)) == 1);
            CHECK(ramie::select(ramie::on_join(slow, keep), ramie::on_sleep(1h, ignore)) == 0);
            CHECK(got == 2);
            auto failing = ramie::spawn([] { throw std::runtime_error("no"); });
            ramie::select(ramie::on_join(failing, [&](auto r) { CHECK(r.error().is_exception()); }));
            auto again = ramie::spawn([] { return 3; });
            CHECK(ramie::select(ramie::on_join(again, keep), ramie::otherwise(ignore)) == 1);
            CHECK(again.get() == 3);  // a plain join after a lost one
        });
        carrier.run();
        task.get();
        ramie::join_handle<int> none;
        CHECK_THROWS_AS(ramie::on_join(none, ignore), std::logic_error);
    });
}

TEST_CASE("select: on_join of a handle of one's own is an error, and leaves the select's other cases") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::channel<int>(1);
        ramie::join_handle<void> self;
        bool refused = false;
        self = ramie::spawn([&] {
            try {
                ramie::select(ramie::on_receive(rx, ignore), ramie::on_join(self, ignore));
            } catch (std::logic_error const&) {
                refused = true;
            }
        });
        carrier.drain();
        CHECK(refused);
        CHECK(tx.send(1));
        CHECK(rx.size() == 1);  // nobody is left in the queue
    });
}

TEST_CASE("select: on_notified takes a kept permit, or waits its turn") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify signal;
        signal.notify_one();
        CHECK(ramie::select(ramie::on_notified(signal, ignore), ramie::otherwise(ignore)) == 0);
        CHECK(ramie::select(ramie::on_notified(signal, ignore), ramie::otherwise(ignore)) == 1);
        std::vector<int> order;
        std::vector<ramie::join_handle<void>> tasks;
        tasks.push_back(ramie::spawn([&] {
            signal.wait();
            order.push_back(0);
        }));
        tasks.push_back(ramie::spawn([&] {
            ramie::select(ramie::on_notified(signal, [&] { order.push_back(1); }), ramie::on_sleep(1h, ignore));
        }));
        carrier.drain();
        signal.notify_one();
        carrier.drain();
        CHECK(order == std::vector{0});
        signal.notify_all();
        carrier.drain();
        CHECK(order == std::vector{0, 1});
    });
}

TEST_CASE("select: on_acquire gets permits, or learns that the semaphore is closed") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::semaphore gate(2);
        std::optional<ramie::semaphore::permit> mine;
        auto const keep = [&](std::expected<ramie::semaphore::permit, ramie::acquire_error> p) {
            if (p) mine.emplace(std::move(*p));
        };
        ramie::select(ramie::on_acquire(gate, 2, keep));
        CHECK(mine->count() == 2);
        CHECK(gate.available() == 0);
        bool closed = false;
        auto task = ramie::spawn([&] {
            ramie::select(ramie::on_acquire(gate, 1, keep), ramie::on_sleep(1h, ignore));
            ramie::select(ramie::on_acquire(gate, 9, [&](auto p) { closed = p.error() == ramie::acquire_error::closed; }));
        });
        carrier.drain();
        auto one = mine->split(1);
        mine.reset();
        carrier.drain();
        CHECK(mine->count() == 1);
        gate.close();
        carrier.drain();
        CHECK(closed);
        mine.reset();
    });
}

TEST_CASE("select: a select that leaves a semaphore's queue lets those behind it have what there is") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::semaphore gate(1);
        bool served = false;
        auto many = ramie::spawn(
            [&] { CHECK(ramie::select(ramie::on_acquire(gate, 5, ignore), ramie::on_sleep(1ms, ignore)) == 1); });
        carrier.drain();
        auto one = ramie::spawn([&] {
            CHECK(gate.acquire());
            served = true;
        });
        carrier.drain();
        CHECK_FALSE(served);  // it stands behind the one who wants five
        carrier.run();
        CHECK(served);
        CHECK(gate.available() == 1);
    });
}

TEST_CASE("select: on_cancelled hears of a token, of its parent, and of a std::stop_token") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::cancellation_token parent;
        auto const token = parent.child_token();
        std::stop_source source;
        std::vector<std::size_t> won;
        auto const wait = [&] {
            won.push_back(ramie::select(ramie::on_sleep(1h, ignore), ramie::on_cancelled(token, ignore),
                                        ramie::on_cancelled(source.get_token(), ignore)));
        };
        auto a = ramie::spawn(wait);
        carrier.drain();
        source.request_stop();
        carrier.drain();
        CHECK(won == std::vector<std::size_t>{2});
        source = {};
        auto b = ramie::spawn(wait);
        carrier.drain();
        parent.cancel();
        carrier.drain();
        CHECK(won == std::vector<std::size_t>{2, 1});
        CHECK(ramie::select(ramie::on_cancelled(token, ignore)) == 0);
    });
}
