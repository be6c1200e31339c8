// async: by a task, or by whoever asks first.
#include "both_ways.hpp"

#include <ramie/async.hpp>
#include <ramie/notify.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

TEST_CASE("async: a task computes meanwhile, and the future has its value, reference or exception") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            int place = 0;
            auto value = ramie::async([](std::unique_ptr<int> n) { return *n + 1; }, std::make_unique<int>(6));
            auto reference = ramie::async(ramie::launch::async, [](int& to) -> int& { return to; }, std::ref(place));
            auto failure = ramie::async([] { throw std::runtime_error("why"); });
            auto either = ramie::async(ramie::launch::async | ramie::launch::deferred, [] { return ramie::this_fiber::id(); });
            CHECK(value.wait_for(1h) == ramie::future_status::ready);
            CHECK(value.get() == 7);
            CHECK(&reference.get() == &place);
            CHECK_THROWS_WITH_AS(failure.get(), "why", std::runtime_error);
            CHECK(either.get() != ramie::this_fiber::id());
        });
        carrier.drain();
        parent.get();
    });
}

TEST_CASE("async: a deferred call is made by whoever asks first, there, once") {
    int calls = 0;
    auto const here = std::this_thread::get_id();
    auto f = ramie::async(ramie::launch::deferred, [&](int n) {
        ++calls;
        CHECK(std::this_thread::get_id() == here);
        return n;
    }, 5);
    CHECK(f.wait_for(1h) == ramie::future_status::deferred);
    CHECK(calls == 0);
    f.wait();
    CHECK(calls == 1);
    CHECK(f.wait_for(0s) == ramie::future_status::ready);
    CHECK(f.get() == 5);
    { auto const unasked = ramie::async(ramie::launch::deferred, [&] { ++calls; }); }
    CHECK(calls == 1);
    auto failing = ramie::async(ramie::launch::deferred, [] { throw 3; });
    CHECK_THROWS_AS(failing.get(), int);
}

TEST_CASE("async: a deferred call that waits lets others wait for it") {
    both_ways([](one_thread_carrier& carrier) {
        int calls = 0;
        ramie::shared_future<int> f = ramie::async(ramie::launch::deferred, [&] {
            ++calls;
            ramie::this_fiber::sleep_for(1ms);
            return 5;
        });
        std::vector<ramie::join_handle<int>> tasks;
        for (int i = 0; i < 3; ++i) tasks.push_back(ramie::spawn([f] { return f.get(); }));
        carrier.run();
        for (auto& t : tasks) CHECK(t.get() == 5);
        CHECK(calls == 1);
    });
}

TEST_CASE("async: an abort or a timeout in a deferred call is its caller's; others see a broken promise") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const by_abort : {true, false}) {
            CAPTURE(by_abort);
            ramie::shared_future<void> f =
                ramie::async(ramie::launch::deferred, [] { ramie::this_fiber::sleep_for(1h); });
            auto first = ramie::spawn([&] {
                bool const in_time = ramie::timeout(1ms, [&] { f.get(); }).has_value();
                CHECK_FALSE(in_time);
            });
            auto second = ramie::spawn([&] { CHECK_THROWS_AS(f.get(), ramie::future_error); });
            carrier.drain();
            if (by_abort) first.abort();
            carrier.run();
            CHECK(first.join().has_value() != by_abort);
            second.get();
        }
    });
}

TEST_CASE("async: the last future of a task waits for it, also when an abort unwinds past it") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto const work = [&] {
            ramie::this_fiber::sleep_for(1ms);
            trace += 'a';
        };
        auto parent = ramie::spawn([&] {
            (void)ramie::async(work);
            trace += 'b';
            auto f = ramie::async(work);
            ramie::shared_future<void> const kept = f.share();
            { auto const copy = kept; }
            ramie::this_fiber::yield();
            trace += 'c';
            ramie::this_fiber::sleep_for(1h);
        });
        carrier.drain();
        carrier.advance(1ms);
        carrier.drain();
        CHECK(trace == "abc");
        parent.abort();
        carrier.drain();
        CHECK_FALSE(parent.is_finished());
        carrier.run();
        CHECK(trace == "abca");
        CHECK(parent.join().error().is_cancelled());
    });
}

TEST_CASE("async: a task that is aborted, before or after it started, breaks the promise") {
    for (bool const started : {false, true}) {
        CAPTURE(started);
        std::optional<ramie::future<int>> f;
        {
            one_thread_carrier carrier;
            f = ramie::async([] {
                ramie::this_fiber::sleep_for(std::chrono::hours::max());
                return 1;
            });
            if (started) carrier.drain();
        }  // aborts it
        CHECK_THROWS_WITH_AS(f->get(), std::future_error(std::future_errc::broken_promise).what(), ramie::future_error);
    }
}

TEST_CASE("async: without a policy, or as a task outside a runtime, it is an error") {
    CHECK_THROWS_AS((void)ramie::async(std::launch{}, [] {}), std::system_error);
    CHECK_THROWS_AS((void)ramie::async([] {}), ramie::no_runtime);
}
