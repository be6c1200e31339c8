// Waits until a time on a clock of one's own: they end when that clock says so, though it was set back, and not before.
#include "both_ways.hpp"
#include "test_clock.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/counting_semaphore.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/promise.hpp>
#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_thread.hpp>
#include <ramie/timed_mutex.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

using deadline = test_clock::time_point;

// wait(t) is to wait for what does not come, and to say that the time ran out. The deadline is 10 ms off; the clock is
// set back by 5 ms meanwhile, and later stands still.
void check_waits_for_its_clock(std::function<bool(deadline)> wait) {
    both_ways([&](one_thread_carrier& carrier) {
        auto const start = test_clock::now();
        auto waiter = ramie::spawn([&] { return wait(start + 10ms); });
        auto const pass = [&](std::chrono::nanoseconds real, std::chrono::nanoseconds by_the_clock) {
            test_clock::reading += by_the_clock;
            carrier.advance(real);
            carrier.drain();
        };
        carrier.drain();
        pass(10ms, -5ms);
        CHECK_FALSE(waiter.is_finished());
        pass(14ms, 14ms);  // 9 of 10
        CHECK_FALSE(waiter.is_finished());
        pass(1ms, 0ms);
        CHECK_FALSE(waiter.is_finished());
        pass(1ms, 1ms);
        REQUIRE(waiter.is_finished());
        CHECK(waiter.get());
    });
}

}  // namespace

TEST_CASE("foreign clock: sleep_until") {
    check_waits_for_its_clock([](deadline t) {
        ramie::this_fiber::sleep_until(t);
        return true;
    });
    check_waits_for_its_clock([](deadline t) {
        ramie::this_thread::sleep_until(t);
        return true;
    });
}

TEST_CASE("foreign clock: mutexes") {
    auto const with = [](auto& m, auto wait) {
        check_waits_for_its_clock([&](deadline t) {
            auto holder = ramie::spawn([&] { m.lock(); });
            holder.get();
            bool const ran_out = !wait(t);
            m.unlock();
            return ran_out;
        });
    };
    ramie::timed_mutex timed;
    with(timed, [&](deadline t) { return timed.try_lock_until(t); });
    ramie::recursive_timed_mutex recursive;
    check_waits_for_its_clock([&](deadline t) {
        ramie::notify over;
        auto holder = ramie::spawn([&] {
            std::lock_guard const held(recursive);
            over.wait();
        });
        ramie::this_fiber::yield();
        bool const ran_out = !recursive.try_lock_until(t);
        over.notify_one();
        holder.get();
        return ran_out;
    });
    ramie::shared_mutex shared;
    with(shared, [&](deadline t) { return shared.try_lock_until(t); });
    with(shared, [&](deadline t) { return shared.try_lock_shared_until(t); });
}

TEST_CASE("foreign clock: condition_variable, whose wait without a predicate may end early but says no_timeout then") {
    ramie::mutex m;
    ramie::condition_variable changed;
    check_waits_for_its_clock([&](deadline t) {
        std::unique_lock held(m);
        return !changed.wait_until(held, t, [] { return false; });
    });
    check_waits_for_its_clock([&](deadline t) {
        std::unique_lock held(m);
        return !changed.wait_until(held, std::stop_token(), t, [] { return false; });
    });
    check_waits_for_its_clock([&](deadline t) {
        std::unique_lock held(m);
        while (changed.wait_until(held, t) == ramie::cv_status::no_timeout) {}
        return test_clock::now() >= t;
    });
}

TEST_CASE("foreign clock: semaphores") {
    ramie::semaphore none(0);
    check_waits_for_its_clock([&](deadline t) { return none.acquire_until(t).error() == ramie::acquire_error::timed_out; });
    auto const owned = std::make_shared<ramie::semaphore>(0);
    check_waits_for_its_clock([&](deadline t) {
        return ramie::semaphore::acquire_owned_until(owned, t).error() == ramie::acquire_error::timed_out;
    });
    ramie::binary_semaphore zero(0);
    check_waits_for_its_clock([&](deadline t) { return !zero.try_acquire_until(t); });
}

TEST_CASE("foreign clock: notify, which misses no notify_all in between") {
    ramie::notify never;
    check_waits_for_its_clock([&](deadline t) { return !never.wait_until(t); });
    check_waits_for_its_clock([&](deadline t) {
        auto heard = never.listen();
        return !heard.wait_until(t);
    });
    one_thread_carrier carrier;
    ramie::notify signal;
    auto const t = test_clock::now() + 10ms;
    auto waiter = ramie::spawn([&] { return signal.wait_until(t); });
    carrier.drain();
    carrier.advance(10ms);  // its wait is over, but it has not run yet
    signal.notify_all();
    carrier.drain();
    REQUIRE(waiter.is_finished());
    CHECK(waiter.get());
}

TEST_CASE("foreign clock: futures and joins") {
    ramie::promise<int> p;
    auto f = p.get_future();
    check_waits_for_its_clock([&](deadline t) { return f.wait_until(t) == ramie::future_status::timeout; });
    auto shared = f.share();
    check_waits_for_its_clock([&](deadline t) { return shared.wait_until(t) == ramie::future_status::timeout; });
    check_waits_for_its_clock([&](deadline t) {
        auto task = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
        bool const ran_out = !task.wait_until(t);
        (void)task.abort_and_join();
        return ran_out;
    });
    check_waits_for_its_clock([&](deadline t) {
        ramie::scoped_task<void> task(ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }));
        return !task.wait_until(t);
    });
    ramie::cancellation_token token;
    check_waits_for_its_clock([&](deadline t) { return !token.wait_until(t); });
}

TEST_CASE("foreign clock: channels") {
    auto [tx, rx] = ramie::channel<int>(1);
    check_waits_for_its_clock([&](deadline t) { return rx.receive_until(t).error() == ramie::channel_error::timed_out; });
    CHECK(tx.send(1));
    check_waits_for_its_clock([&](deadline t) { return tx.send_until(2, t).error() == ramie::channel_error::timed_out; });
    int const kept = 3;
    check_waits_for_its_clock([&](deadline t) { return tx.send_until(kept, t).error() == ramie::channel_error::timed_out; });
    check_waits_for_its_clock([&](deadline t) { return tx.reserve_until(t).error() == ramie::channel_error::timed_out; });
    check_waits_for_its_clock(
        [&](deadline t) { return tx.reserve_many_until(1, t).error() == ramie::channel_error::timed_out; });
    CHECK(rx.try_receive() == 1);
    CHECK(rx.try_receive().error() == ramie::channel_error::empty);
}

TEST_CASE("foreign clock: oneshot, broadcast and watch") {
    auto [answer, question] = ramie::oneshot<int>();
    check_waits_for_its_clock([&](deadline t) { return question.receive_until(t).error() == ramie::channel_error::timed_out; });
    CHECK(answer.send(1));
    CHECK(question.receive_until(test_clock::now()) == 1);
    auto [tx, rx] = ramie::broadcast<int>(1);
    using reason = ramie::broadcast_error::reason;
    check_waits_for_its_clock([&](deadline t) { return rx.receive_until(t).error().why == reason::timed_out; });
    CHECK(tx.send(2));
    CHECK(rx.receive_until(test_clock::now()) == 2);
    auto [set, seen] = ramie::watch(0);
    check_waits_for_its_clock([&](deadline t) { return seen.changed_until(t).error() == ramie::channel_error::timed_out; });
    CHECK(set.send(3));
    CHECK(seen.changed_until(test_clock::now()));
    CHECK(*seen.borrow() == 3);
}

TEST_CASE("foreign clock: on_deadline in a select") {
    ramie::notify never;
    check_waits_for_its_clock([&](deadline t) {
        bool due = false;
        ramie::select(ramie::on_deadline(t, [&] { due = true; }));
        return due && test_clock::now() >= t;
    });
    // Without waiting it is not ready before its time.
    int taken = 0;
    ramie::select(ramie::on_deadline(test_clock::now() + 1s, [&] { taken = 1; }), ramie::otherwise([&] { taken = 2; }));
    CHECK(taken == 2);
    ramie::select(ramie::on_deadline(test_clock::now(), [&] { taken = 1; }), ramie::otherwise([&] { taken = 2; }));
    CHECK(taken == 1);
}

TEST_CASE("foreign clock: what is long past, or too far off to subtract, overflows nothing") {
    using far = std::chrono::time_point<test_clock, std::chrono::hours>;
    CHECK(ramie::detail::has_come(far::min()));
    CHECK_FALSE(ramie::detail::has_come(far::max()));
    CHECK(ramie::detail::at(far::max()) == ramie::detail::never);
    ramie::this_fiber::sleep_until(far::min());
}

TEST_CASE("foreign clock: a plain thread waits for it, too") {
    ramie::notify never;
    auto const t = test_clock::now() + 2ms;
    std::optional<bool> woken;
    std::thread waiter([&] { woken = never.wait_until(t); });
    std::this_thread::sleep_for(5ms);  // likely it has waited once or twice by then, in vain: its clock stands still
    never.notify_one();
    waiter.join();
    CHECK(*woken);
}
