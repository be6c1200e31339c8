// What the standard does "at thread exit": for a task when it has ended and its fiber_locals are gone, for a plain thread
// when its thread_locals are gone, too.
#include "both_ways.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/fiber_local.hpp>
#include <ramie/mutex.hpp>
#include <ramie/packaged_task.hpp>
#include <ramie/promise.hpp>
#include <ramie/spawn.hpp>
#include <ramie/thread.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

template <class Future>
bool ready(Future const& f) {
    ramie::abort_shield const whole;
    return f.wait_for(0s) == ramie::future_status::ready;
}

// Calls it when it is destroyed.
struct last_word {
    std::function<void()> say;
    explicit last_word(std::function<void()> what) : say(std::move(what)) {}
    last_word(last_word&& other) noexcept : say(std::exchange(other.say, nullptr)) {}
    last_word& operator=(last_word&&) = default;
    ~last_word() {
        if (say) say();
    }
};
ramie::fiber_local<last_word> local;

}  // namespace

TEST_CASE("thread exit: a value given so is seen when the task has ended, after its fiber_locals") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::promise<std::string> p;
        auto f = p.get_future();
        std::vector<std::string> log;
        auto const note = [&](char const* when) { log.push_back(std::string(when) + (ready(f) ? ": ready" : ": not yet")); };
        auto giver = ramie::spawn([&] {
            p.set_value_at_thread_exit("given");
            local.set(last_word([&] { note("fiber_local"); }));
            note("given");
            CHECK_THROWS_AS(p.set_value("again"), ramie::future_error);
            CHECK_THROWS_AS(p.set_value_at_thread_exit("again"), ramie::future_error);
            ramie::this_fiber::yield();
            note("later");
        });
        auto joiner = ramie::spawn([&] {
            giver.get();
            note("joined");
        });
        carrier.drain();
        joiner.get();
        CHECK(log == std::vector<std::string>{"given: not yet", "later: not yet", "fiber_local: not yet", "joined: ready"});
        CHECK(f.get() == "given");
    });
}

TEST_CASE("thread exit: an exception, nothing, and a reference likewise; the promise may go before") {
    both_ways([](one_thread_carrier& carrier) {
        int lent = 3;
        ramie::future<void> nothing;
        ramie::future<int> failure;
        ramie::future<int&> reference;
        auto giver = ramie::spawn([&] {
            {
                ramie::promise<void> a;
                ramie::promise<int> b;
                ramie::promise<int&> c;
                nothing = a.get_future();
                failure = b.get_future();
                reference = c.get_future();
                a.set_value_at_thread_exit();
                b.set_exception_at_thread_exit(std::make_exception_ptr(std::runtime_error("no")));
                c.set_value_at_thread_exit(lent);
            }
            CHECK_FALSE(ready(nothing));
            CHECK_FALSE(ready(failure));
            CHECK_FALSE(ready(reference));
        });
        carrier.drain();
        giver.get();
        nothing.get();
        CHECK_THROWS_AS(failure.get(), std::runtime_error);
        CHECK(&reference.get() == &lent);
    });
}

TEST_CASE("thread exit: a value whose making throws leaves the promise as it was") {
    both_ways([](one_thread_carrier& carrier) {
        struct picky {
            explicit picky(int n) {
                if (n < 0) throw std::invalid_argument("negative");
            }
        };
        ramie::promise<picky> p;
        auto f = p.get_future();
        auto giver = ramie::spawn([&] {
            CHECK_THROWS_AS(p.set_value_at_thread_exit(-1), std::invalid_argument);
            p.set_value(1);
            CHECK(ready(f));
        });
        carrier.drain();
        giver.get();
    });
}

TEST_CASE("thread exit: a task that is aborted or fails has ended, too") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::promise<int> a, b;
        auto fa = a.get_future(), fb = b.get_future();
        auto aborted = ramie::spawn([&] {
            a.set_value_at_thread_exit(1);
            ramie::this_fiber::sleep_for(1h);
        });
        auto failed = ramie::spawn([&] {
            b.set_value_at_thread_exit(2);
            throw std::runtime_error("no");
        });
        carrier.drain();
        CHECK_FALSE(ready(fa));
        CHECK(fb.get() == 2);
        aborted.abort();
        carrier.drain();
        CHECK(fa.get() == 1);
        (void)aborted.join();
        (void)failed.join();
    });
}

TEST_CASE("thread exit: a packaged_task's result; an abort of its call breaks the promise at once") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::packaged_task<int(int)> task([](int n) { return 2 * n; });
        ramie::packaged_task<void()> waits([] { ramie::this_fiber::sleep_for(1h); });
        auto f = task.get_future();
        auto broken = waits.get_future();
        auto caller = ramie::spawn([&] {
            task.make_ready_at_thread_exit(21);
            CHECK_FALSE(ready(f));
            CHECK_THROWS_AS(task(1), ramie::future_error);
            CHECK_THROWS_AS(task.make_ready_at_thread_exit(1), ramie::future_error);
            try {
                waits.make_ready_at_thread_exit();
            } catch (ramie::aborted const&) {
                CHECK(ready(broken));
                throw;
            }
        });
        carrier.drain();
        caller.abort();
        carrier.drain();
        CHECK(caller.join().error().is_cancelled());
        CHECK(f.get() == 42);
        CHECK_THROWS_AS(broken.get(), ramie::future_error);
        CHECK_THROWS_AS(ramie::packaged_task<void()>().make_ready_at_thread_exit(), ramie::future_error);
    });
}

TEST_CASE("thread exit: a condition is notified, and its lock given back, when the task has ended") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::condition_variable changed;
        bool over = false;
        std::vector<std::string> log;
        auto waiter = ramie::spawn([&] {
            std::unique_lock held(m);
            changed.wait(held, [&] { return over; });
            log.emplace_back("woken");
        });
        carrier.drain();
        auto notifier = ramie::spawn([&] {
            ramie::unique_lock held(m);
            over = true;
            ramie::notify_all_at_thread_exit(changed, std::move(held));
            local.set(last_word([&] {
                CHECK_FALSE(m.try_lock());
                log.emplace_back("fiber_local");
            }));
            ramie::this_fiber::yield();
            log.emplace_back("body");
        });
        carrier.drain();
        waiter.get();
        notifier.get();
        CHECK(log == std::vector<std::string>{"body", "fiber_local", "woken"});
        CHECK_THROWS_AS(ramie::notify_all_at_thread_exit(changed, ramie::unique_lock(m, std::defer_lock)), std::system_error);
    });
}

TEST_CASE("thread exit: the last that was asked for is done first") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::promise<int> first, second;
        std::vector<int> order;
        auto a = ramie::spawn([&, f = first.get_future()]() mutable { order.push_back(f.get()); });
        auto b = ramie::spawn([&, f = second.get_future()]() mutable { order.push_back(f.get()); });
        carrier.drain();
        auto giver = ramie::spawn([&] {
            first.set_value_at_thread_exit(1);
            second.set_value_at_thread_exit(2);
        });
        carrier.drain();
        giver.get();
        a.get();
        b.get();
        CHECK(order == std::vector<int>{2, 1});
    });
}

TEST_CASE("thread exit: on a plain thread it comes after the thread_locals, whenever they were made") {
    ramie::promise<int> p;
    auto f = p.get_future();
    ramie::mutex m;
    ramie::condition_variable changed;
    bool over = false;
    std::atomic<int> not_yet = 0;
    auto const look = [&] { not_yet += !ready(f) && !m.try_lock(); };
    std::thread t([&] {
        static thread_local last_word made_before(look);
        p.set_value_at_thread_exit(7);
        ramie::unique_lock held(m);
        over = true;
        ramie::notify_all_at_thread_exit(changed, std::move(held));
        static thread_local last_word made_after(look);
        local.set(last_word(look));
        not_yet += !ready(f);
    });
    {
        std::unique_lock held(m);
        changed.wait(held, [&] { return over; });
    }
    CHECK(f.get() == 7);
    t.join();
    CHECK(not_yet == 4);
}
