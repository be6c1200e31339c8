// A task with the shape of a std::thread.
#include "both_ways.hpp"
#include "child_process.hpp"

#include <ramie/notify.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/thread.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

static_assert(std::is_nothrow_default_constructible_v<ramie::thread> && std::is_nothrow_move_constructible_v<ramie::thread> &&
              std::is_nothrow_move_assignable_v<ramie::thread> && !std::is_copy_constructible_v<ramie::thread>);
static_assert(!std::is_convertible_v<void (*)(), ramie::thread>, "explicit");

TEST_CASE("thread: calls with its arguments, moved or lent, drops the value, and is joined") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            int lent = 0;
            ramie::thread t([](std::unique_ptr<int> n, int& to) { return to = *n; }, std::make_unique<int>(7), std::ref(lent));
            CHECK(t.joinable());
            t.join();
            CHECK(lent == 7);
            CHECK_FALSE(t.joinable());
            CHECK(t.get_id() == ramie::thread::id());

            struct counter {
                int n = 0;
                void add(int i) { n += i; }
            } c;
            ramie::thread(&counter::add, &c, 3).join();
            CHECK(c.n == 3);
            // A std::thread gives no token, not even to a callable that would take one.
            ramie::thread([](auto... given) { CHECK(sizeof...(given) == 0); }).join();
        });
        carrier.drain();
        parent.get();
    });
}

TEST_CASE("thread: is told by its id, from outside and inside") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            ramie::thread::id inside;
            ramie::thread a([&] { inside = ramie::this_thread::get_id(); }), b([] {});
            std::unordered_set<ramie::thread::id> const ids{a.get_id(), b.get_id(), ramie::this_thread::get_id(), {}};
            CHECK(ids.size() == 4);
            auto const outside = a.get_id();
            a.join();
            b.join();
            CHECK(inside == outside);
        });
        carrier.drain();
        parent.get();
    });
}

TEST_CASE("thread: moves and swaps; what was moved from is not joinable") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            ramie::thread a([] {}), none;
            auto const id = a.get_id();
            swap(a, none);
            CHECK_FALSE(a.joinable());
            ramie::thread b(std::move(none));
            CHECK(b.get_id() == id);
            a = std::move(b);
            CHECK(a.get_id() == id);
            a.join();
            std::vector<ramie::thread> many;
            for (int i = 0; i < 5; ++i) many.emplace_back([] { ramie::this_fiber::yield(); });
            for (auto& t : many) t.join();
        });
        carrier.drain();
        parent.get();
    });
}

TEST_CASE("thread: one that is detached goes on") {
    both_ways([](one_thread_carrier& carrier) {
        bool ran = false;
        ramie::thread t([&] {
            ramie::this_fiber::sleep_for(1ms);
            ran = true;
        });
        t.detach();
        CHECK_FALSE(t.joinable());
        carrier.run();
        CHECK(ran);
    });
}

TEST_CASE("thread: joining or detaching nothing, or oneself, is an error") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::thread none;
        CHECK_THROWS_AS(none.join(), std::system_error);
        CHECK_THROWS_AS(none.detach(), std::system_error);
        ramie::thread self;
        self = ramie::thread([&] { CHECK_THROWS_AS(self.join(), std::system_error); });
        carrier.drain();
        self.join();
    });
}

TEST_CASE("thread: an exception goes to the hook for failures, when it is joined or at the end of a detached one") {
    both_ways([](one_thread_carrier& carrier) {
        std::vector<std::string> seen;
        carrier.on_unseen_failure([&](ramie::join_error const& e) { seen.push_back(e.what()); });
        ramie::thread joined([] { throw std::runtime_error("one"); });
        ramie::thread detached([] { throw std::runtime_error("two"); });
        detached.detach();
        carrier.drain();
        CHECK(seen.size() == 1);
        joined.join();
        REQUIRE(seen.size() == 2);
        CHECK(seen[0].find("two") != std::string::npos);
        CHECK(seen[1].find("one") != std::string::npos);
    });
}

TEST_CASE("thread: a joiner that is aborted leaves it joinable") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        ramie::thread t([&] { gate.wait(); });
        auto joiner = ramie::spawn([&] { t.join(); });
        carrier.drain();
        joiner.abort();
        carrier.drain();
        CHECK(joiner.join().error().is_cancelled());
        CHECK(t.joinable());
        gate.notify_one();
        carrier.drain();
        t.join();
    });
}

TEST_CASE("thread: takes a name; outside a runtime it cannot be made") {
    CHECK_THROWS_AS(ramie::thread([] {}), ramie::no_runtime);
    both_ways([](one_thread_carrier& carrier) {
        std::string name;
        ramie::thread t({.name = "worker"}, [&](int) { name = ramie::this_fiber::name(); }, 1);
        carrier.drain();
        t.join();
        CHECK(name == "worker");
    });
}

TEST_CASE("thread: destroying a joinable one, or assigning to it, ends the process and says why") {
    auto const destroyed = in_child([] {
        one_thread_carrier carrier;
        ramie::thread t([] {});
    });
    CHECK(destroyed.killed_by(SIGABRT));
    CHECK(destroyed.said("is destroyed or assigned to before it was joined or detached"));
    auto const assigned = in_child([] {
        one_thread_carrier carrier;
        ramie::thread t([] {});
        t = ramie::thread();
    });
    CHECK(assigned.killed_by(SIGABRT));
    CHECK(assigned.said("is destroyed or assigned to before"));
}
