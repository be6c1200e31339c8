// Without memory for a timer, a wait with a limit is not begun: std::bad_alloc goes to the caller, and what it would have
// waited for is as it was.
#include "both_ways.hpp"

#include <ramie/channel.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/counting_semaphore.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/promise.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timed_mutex.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <mutex>
#include <new>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// Waits with a limit, which throws; then somebody gives what is waited for, and the same wait without one succeeds.
template <class Timed, class Give, class Plain>
void check(one_thread_carrier& carrier, Timed timed, Give give, Plain plain) {
    auto task = ramie::spawn([&] {
        carrier.refuse_deadlines(true);
        CHECK_THROWS_AS(timed(), std::bad_alloc);
        CHECK_THROWS_AS((void)ramie::timeout(1h, plain), std::bad_alloc);
        carrier.refuse_deadlines(false);
        auto giver = ramie::spawn(give);
        plain();
        giver.get();
    });
    carrier.drain();
    REQUIRE(task.is_finished());
    task.get();
    CHECK(carrier.armed() == 0);
}

}  // namespace

TEST_CASE("no timer: a sleep throws, and one whose time has come needs none") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([&] {
            carrier.refuse_deadlines(true);
            CHECK_THROWS_AS(ramie::this_fiber::sleep_for(1ms), std::bad_alloc);
            CHECK_THROWS_AS((void)ramie::timeout(1ms, [] { ramie::this_fiber::sleep_for(1h); }), std::bad_alloc);
            CHECK(ramie::timeout(1ms, [] { return 1; }).value() == 1);
            ramie::this_fiber::sleep_until(ramie::detail::carrier::now());
            carrier.refuse_deadlines(false);
        });
        carrier.drain();
        task.get();
    });
}

TEST_CASE("no timer: every wait with a limit throws, and leaves what it waits for usable") {
    both_ways([](one_thread_carrier& carrier) {
        {
            ramie::timed_mutex m;
            m.lock();
            check(carrier, [&] { (void)m.try_lock_for(1h); }, [&] { m.unlock(); }, [&] { m.lock(); });
        }
        {
            ramie::shared_mutex m;
            m.lock();
            check(carrier, [&] { (void)m.try_lock_shared_for(1h); }, [&] { m.unlock(); }, [&] { m.lock_shared(); });
        }
        {
            ramie::mutex m;
            ramie::condition_variable changed;
            bool ready = false;
            check(
                carrier,
                [&] {
                    std::unique_lock held(m);
                    (void)changed.wait_for(held, 1h);
                },
                [&] {
                    std::lock_guard const held(m);
                    ready = true;
                    changed.notify_one();
                },
                [&] {
                    std::unique_lock held(m);
                    changed.wait(held, [&] { return ready; });
                });
        }
        {
            ramie::counting_semaphore<> s(0);
            check(carrier, [&] { (void)s.try_acquire_for(1h); }, [&] { s.release(); }, [&] { s.acquire(); });
        }
        {
            ramie::notify n;
            check(carrier, [&] { (void)n.wait_for(1h); }, [&] { n.notify_one(); }, [&] { n.wait(); });
        }
        {
            auto [tx, rx] = ramie::channel<int>(1);
            check(carrier, [&] { (void)rx.receive_for(1h); }, [&] { (void)tx.send(1); }, [&] { (void)rx.receive(); });
            (void)tx.send(2);
            check(carrier, [&] { (void)tx.send_for(3, 1h); }, [&] { CHECK(rx.receive() == 2); }, [&] { (void)tx.send(4); });
            CHECK(rx.try_receive() == 4);
        }
        {
            ramie::notify go;
            auto child = ramie::spawn([&] { go.wait(); });
            check(carrier, [&] { (void)child.wait_for(1h); }, [&] { go.notify_one(); }, [&] { child.wait(); });
        }
        {
            ramie::notify go;
            auto child = ramie::spawn([&] { go.wait(); });
            auto const ignore = [](auto&&...) {};
            check(
                carrier, [&] { ramie::select(ramie::on_join(child, ignore), ramie::on_sleep(1h, ignore)); },
                [&] { go.notify_one(); }, [&] { ramie::select(ramie::on_join(child, ignore)); });
        }
        {
            ramie::promise<int> p;
            auto f = p.get_future();
            check(carrier, [&] { (void)f.wait_for(1h); }, [&] { p.set_value(1); }, [&] { f.wait(); });
        }
    });
}
