// What tokio's documentation says of its locks, semaphores and channels, where no test of Ramie's own parts says it
// already.
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/barrier.hpp>
#include <ramie/broadcast.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/once_cell.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::channel_error;

TEST_CASE("tokio: an acquire that was given up has lost its place; it starts again at the end of the line") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::semaphore gate(0);
        std::string order;
        auto const take = [&](char name) {
            (void)gate.acquire()->forget();
            order += name;
        };
        auto impatient = ramie::spawn([&] {
            CHECK(gate.acquire_for(1ms).error() == ramie::acquire_error::timed_out);
            take('a');
        });
        carrier.drain();
        auto patient = ramie::spawn([&] { take('b'); });
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        gate.release(2);
        carrier.drain();
        CHECK(order == "ba");
    });
}

TEST_CASE("tokio: who acquires all permits waits until every holder has given back, and holds off who comes later") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::semaphore gate(3);
        int working = 0;
        bool alone = false, late = false;
        std::vector<ramie::join_handle<void>> workers;
        for (int i = 1; i <= 3; ++i)
            workers.push_back(ramie::spawn([&, i] {
                auto const mine = gate.acquire();
                ++working;
                ramie::this_fiber::sleep_for(std::chrono::milliseconds(i));
                --working;
            }));
        carrier.drain();
        auto const all = ramie::spawn([&] {
            auto const whole = gate.acquire(3);
            alone = working == 0 && !late;
            ramie::this_fiber::sleep_for(1ms);
        });
        carrier.drain();
        auto const after = ramie::spawn([&] { late = gate.acquire().has_value(); });
        carrier.run();
        CHECK(alone);
        CHECK(late);
        CHECK(gate.available() == 3);
    });
}

TEST_CASE("tokio: permits released after close are counted, and acquired by nobody") {
    ramie::semaphore gate(1);
    auto held = gate.acquire();
    gate.close();
    gate.close();
    held = ramie::semaphore::permit();
    gate.release();
    CHECK(gate.available() == 2);
    CHECK(gate.acquire().error() == ramie::acquire_error::closed);
}

TEST_CASE("tokio: locks are not poisoned: an exception of the holder leaves them free") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::shared_mutex s;
        auto holder = ramie::spawn([&] {
            std::lock_guard const held(m);
            ramie::this_fiber::yield();
            throw std::runtime_error("while holding");
        });
        auto writer = ramie::spawn([&] {
            std::lock_guard const held(s);
            ramie::this_fiber::yield();
            throw std::runtime_error("while writing");
        });
        auto next = ramie::spawn([&] {
            std::lock_guard const one(m);
            std::shared_lock const two(s);
            return true;
        });
        carrier.drain();
        CHECK(holder.join().error().is_exception());
        CHECK(writer.join().error().is_exception());
        CHECK(next.get());
        CHECK(m.try_lock());
        CHECK(s.try_lock());
        m.unlock();
        s.unlock();
    });
}

TEST_CASE("tokio: a barrier of one holds nobody, and everybody leads") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::barrier<> alone(1);
        auto task = ramie::spawn([&] {
            for (int i = 0; i < 3; ++i) CHECK(alone.arrive_and_wait());
        });
        carrier.drain();
        CHECK(task.is_finished());
        task.get();
    });
}

TEST_CASE("tokio: a notification before the wait and one during it wake two waits, in turn") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify signal;
        int heard = 0;
        signal.notify_one();
        auto task = ramie::spawn([&] {
            for (; heard < 3; ++heard) signal.wait();
        });
        carrier.drain();
        CHECK(heard == 1);
        signal.notify_one();
        carrier.drain();
        CHECK(heard == 2);
        task.abort();
        carrier.drain();
    });
}

TEST_CASE("tokio: a timed-out wait for a notification takes none: the next to come is the next one's") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify signal;
        auto late = ramie::spawn([&] { return ramie::timeout(1ms, [&] { signal.wait(); }).has_value(); });
        carrier.run();
        CHECK_FALSE(late.get());
        signal.notify_one();
        auto next = ramie::spawn([&] { signal.wait(); });
        carrier.drain();
        CHECK(next.is_finished());
    });
}

TEST_CASE("tokio: values that nobody can receive any more are destroyed with the last receiver") {
    auto [tx, rx] = ramie::channel<tracked>(4);
    auto other = rx;
    for (int i = 0; i < 3; ++i) CHECK(tx.send(tracked(i)));
    rx = {};
    CHECK(tracked::alive() == 3);
    other = {};
    CHECK(tracked::alive() == 0);
    tracked back(7);
    CHECK(tx.send(std::move(back)).error() == channel_error::closed);
    CHECK(back.value == 7);
}

TEST_CASE("tokio: an unbounded channel takes every value at once, and gives them in order") {
    auto [tx, rx] = ramie::unbounded_channel<int>();
    for (int i = 0; i < 1000; ++i) CHECK(tx.try_send(i));
    CHECK(rx.size() == 1000);
    for (int i = 0; i < 1000; ++i) REQUIRE(rx.try_receive() == i);
}

TEST_CASE("tokio: a oneshot's sender learns that nobody wants the answer any more, and stops working on it") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::oneshot<int>();
        int worked = 0;
        auto task = ramie::spawn([&worked, out = std::move(tx)]() mutable {
            while (!out.is_closed()) {
                ++worked;
                ramie::this_fiber::sleep_for(1ms);
            }
            return out.send(1).has_value();
        });
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        CHECK(worked == 2);
        rx = {};
        carrier.advance(1ms);
        carrier.drain();
        CHECK(worked == 2);
        CHECK_FALSE(task.get());
    });
}

TEST_CASE("tokio: a broadcast receiver that lagged is told how many, gets what is left, and then the end") {
    auto [tx, rx] = ramie::broadcast<int>(2);
    auto other = tx;
    for (int i = 1; i <= 5; ++i) CHECK(tx.send(i) == 1u);
    tx = {};
    CHECK(rx.try_receive().error() == ramie::broadcast_error{ramie::broadcast_error::reason::lagged, 3});
    CHECK(rx.try_receive() == 4);
    CHECK(other.send(6));  // the last sender keeps it open
    other = {};
    CHECK(rx.try_receive() == 5);
    CHECK(rx.try_receive() == 6);
    CHECK(rx.try_receive().error().is_closed());
    CHECK(rx.try_receive().error().is_closed());
}

TEST_CASE("tokio: a watch's value can be marked as new again, and as seen") {
    auto [tx, rx] = ramie::watch(1);
    CHECK_FALSE(rx.has_changed());
    rx.mark_changed();
    CHECK(rx.has_changed());
    CHECK(*rx.borrow_and_update() == 1);
    CHECK_FALSE(rx.has_changed());
    CHECK(tx.send(2));
    rx.mark_unchanged();
    CHECK_FALSE(rx.has_changed());
    CHECK(*rx.borrow() == 2);
}

TEST_CASE("tokio: a watch hears the last of many values at least, never one of before") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::watch(0);
        std::vector<int> seen;
        auto task = ramie::spawn([&seen, in = std::move(rx)]() mutable {
            while (in.changed()) seen.push_back(*in.borrow_and_update());
        });
        carrier.drain();
        for (int i = 1; i <= 3; ++i) CHECK(tx.send(i));
        carrier.drain();
        CHECK(tx.send(4));
        tx = {};
        carrier.drain();
        CHECK(task.is_finished());
        CHECK(seen == std::vector{3, 4});
    });
}

TEST_CASE("tokio: a token that is cancelled stays so, for clones, children to come, and waits that start later") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::cancellation_token const token;
        auto const clone = token;
        CHECK(clone == token);
        clone.cancel();
        clone.cancel();
        CHECK(token.is_cancelled());
        CHECK(token.child_token().child_token().is_cancelled());
        auto task = ramie::spawn([&] {
            token.wait();
            return token.wait_for(0ms);
        });
        carrier.drain();
        CHECK(task.get());
    });
}

TEST_CASE("tokio: a once_cell's maker that fails leaves those who wait to try in the order they came") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::once_cell<int> cell;
        std::string tried;
        std::vector<ramie::join_handle<int>> tasks;
        for (char const name : {'a', 'b', 'c', 'd'})
            tasks.push_back(ramie::spawn([&, name] {
                return cell.get_or_init([&] {
                    tried += name;
                    ramie::this_fiber::yield();
                    if (name < 'c') throw std::runtime_error("not yet");
                    return 3;
                });
            }));
        carrier.drain();
        CHECK(tried == "abc");
        CHECK(tasks[0].join().error().is_exception());
        CHECK(tasks[1].join().error().is_exception());
        CHECK(tasks[2].get() == 3);
        CHECK(tasks[3].get() == 3);
    });
}
