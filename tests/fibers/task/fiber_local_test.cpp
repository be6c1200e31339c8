// fiber_local: whose value is seen when, who inherits it, and when it is destroyed.
#include "both_ways.hpp"
#include "child_process.hpp"
#include "tracked.hpp"

#include <ramie/fiber_local.hpp>
#include <ramie/join_set.hpp>
#include <ramie/scope.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::fiber_local;

namespace {

constinit fiber_local<std::string> const name;
constinit fiber_local<int> const number;
constinit fiber_local<int> const counter([] { return 100; });
constinit fiber_local<std::string> const inherited(ramie::inherit::copy);
constinit fiber_local<tracked> const counted;
constinit fiber_local<std::shared_ptr<tracked>> const shared(ramie::inherit::copy);

// Each value's destructor makes the next one.
struct head {
    ~head();
};
constinit fiber_local<head> const heads([] { return head(); });
head::~head() { (void)heads.get(); }

auto make_shared() { return std::make_shared<tracked>(); }

}  // namespace

TEST_CASE("fiber_local: without a value, get is an error that says whose, and the others say so") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn({.name = "empty"}, [] {
            CHECK_FALSE(name.is_set());
            CHECK(name.try_get() == nullptr);
            auto const text = "ramie: a fiber_local has no value in task " + std::to_string(ramie::this_fiber::id()) +
                              " \"empty\"; call it within scope(), set() one, or give it a factory";
            CHECK_THROWS_WITH_AS(name.get(), text.c_str(), std::logic_error);
        });
        carrier.run();
        task.get();
        CHECK_THROWS_WITH_AS(name.get(),
                             "ramie: a fiber_local has no value in a plain thread; call it within scope(), set() one, or "
                             "give it a factory",
                             std::logic_error);
    });
}

TEST_CASE("fiber_local: scope overrides the value while it lasts, over suspensions, and gives back what f returns") {
    both_ways([](one_thread_carrier& carrier) {
        auto const body = [](std::string const& mine) {
            return name.scope(mine, [&] {
                ramie::this_fiber::yield();
                CHECK(name.get() == mine);
                auto const inner = name.scope(mine + "+", [] {
                    ramie::this_fiber::sleep_for(1ms);
                    return name.get();
                });
                CHECK(name.get() == mine);
                return inner;
            });
        };
        auto a = ramie::spawn(body, "a"), b = ramie::spawn(body, "b");
        auto c = ramie::spawn([] {
            ramie::this_fiber::yield();
            CHECK_FALSE(name.is_set());
        });
        carrier.run();
        CHECK(a.get() == "a+");
        CHECK(b.get() == "b+");
        c.get();
        int x = 0;
        CHECK(&number.scope(1, [&]() -> int& { return x; }) == &x);
    });
}

TEST_CASE("fiber_local: scope ends by an exception and by an abort as well") {
    both_ways([](one_thread_carrier& carrier) {
        bool seen = false;
        auto task = ramie::spawn([&] {
            number.scope(1, [] {
                CHECK_THROWS_AS(number.scope(2, []() -> void { throw std::runtime_error("out"); }), std::runtime_error);
                CHECK(number.get() == 1);
            });
            try {
                tracked given;
                counted.scope(std::move(given), [] { ramie::this_fiber::sleep_for(1h); });
            } catch (ramie::aborted const&) {
                CHECK(tracked::alive() == 0);
                CHECK_FALSE(counted.is_set());
                seen = true;
                throw;
            }
        });
        carrier.drain();
        CHECK(tracked::alive() == 2);  // what was given, and the value
        task.abort();
        carrier.run();
        CHECK(seen);
    });
}

TEST_CASE("fiber_local: set lasts until the task's end, or changes the value of the scope it is called in") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            number.scope(1, [] {
                name.set("kept");  // has no scope
                int& seen = number.get();
                number.set(2);
                CHECK(&number.get() == &seen);
                CHECK(seen == 2);
            });
            CHECK_FALSE(number.is_set());
            CHECK(name.get() == "kept");
            number.set(3);
            number.scope(4, [] {});
            CHECK(number.get() == 3);
        });
        carrier.run();
        task.get();
        auto next = ramie::spawn([] { CHECK_FALSE(name.is_set()); });
        carrier.run();
        next.get();
    });
}

TEST_CASE("fiber_local: a factory makes each task's value at its first get") {
    both_ways([](one_thread_carrier& carrier) {
        auto const body = [] {
            CHECK_FALSE(counter.is_set());
            ++counter.get();
            ramie::this_fiber::yield();
            return ++counter.get();
        };
        auto a = ramie::spawn(body), b = ramie::spawn(body);
        carrier.run();
        CHECK(a.get() == 102);
        CHECK(b.get() == 102);
    });
}

TEST_CASE("fiber_local: children begin with a copy if it is inherited, and with nothing if it is not") {
    both_ways([](one_thread_carrier& carrier) {
        auto parent = ramie::spawn([] {
            inherited.set("outer");
            name.set("mine");
            auto before = ramie::spawn([] { return inherited.get(); });
            auto within = inherited.scope("inner", [] {
                return ramie::spawn([] {
                    CHECK_FALSE(name.is_set());
                    inherited.get() += "!";
                    auto grandchild = ramie::spawn([] { return inherited.get(); });
                    return grandchild.get();
                });
            });
            ramie::join_set<std::string> set;
            set.spawn([] { return inherited.get(); });
            CHECK(before.get() == "outer");
            CHECK(within.get() == "inner!");
            CHECK(set.join_next()->value() == "outer");
            ramie::with_scope([](ramie::scope& s) { (void)s.spawn([] { CHECK(inherited.get() == "outer"); }); });
            CHECK(inherited.get() == "outer");
        });
        carrier.run();
        parent.get();
    });
}

TEST_CASE("fiber_local: a child's value is the child's: it lives and dies with it") {
    both_ways([](one_thread_carrier& carrier) {
        auto child = shared.scope(make_shared(), [] {
            return ramie::spawn([] {
                ramie::this_fiber::sleep_for(1s);
                return shared.get().use_count();
            });
        });
        CHECK(tracked::alive() == 1);  // the spawner has left its scope
        carrier.run();
        CHECK(child.get() == 1);
        CHECK(tracked::alive() == 0);
    });
}

TEST_CASE("fiber_local: a value that a scope hides is not copied into the child") {
    both_ways([](one_thread_carrier& carrier) {
        auto const outer = make_shared(), inner = make_shared();
        auto child = shared.scope(outer, [&] { return shared.scope(inner, [] { return ramie::spawn([] {}); }); });
        CHECK(outer.use_count() == 1);
        CHECK(inner.use_count() == 2);
        carrier.run();
        CHECK(inner.use_count() == 1);
        child.get();
    });
}

TEST_CASE("fiber_local: what a task inherited is freed if it never runs") {
    both_ways([](one_thread_carrier& carrier) {
        auto const one = make_shared();
        auto child = shared.scope(one, [] { return ramie::spawn([] {}); });
        CHECK(one.use_count() == 2);
        child.abort();
        CHECK(one.use_count() == 1);
        CHECK(child.is_finished());
        carrier.run();
    });
}

TEST_CASE("fiber_local: a copy that throws comes out of the spawn, and nothing is left of it") {
    struct stubborn {
        std::shared_ptr<tracked> held = make_shared();
        stubborn() = default;
        stubborn(stubborn&&) = default;
        stubborn(stubborn const&) { throw std::runtime_error("only one of me"); }
    };
    static constinit fiber_local<stubborn> const only(ramie::inherit::copy);
    both_ways([](one_thread_carrier& carrier) {
        bool ran = false;
        only.scope(stubborn(), [&] {
            shared.scope(make_shared(), [&] {
                CHECK_THROWS_WITH_AS((void)ramie::spawn([&ran, held = tracked()] { ran = true; }), "only one of me",
                                     std::runtime_error);
                CHECK(shared.get().use_count() == 1);
            });
        });
        carrier.run();
        CHECK_FALSE(ran);
        CHECK(tracked::alive() == 0);
    });
}

TEST_CASE("fiber_local: values are destroyed on the task's own stack, before a join sees its result, and may wait") {
    static std::vector<std::string>* trace = nullptr;
    struct traced {
        ramie::task_id of = ramie::this_fiber::id();
        ~traced() {
            CHECK(ramie::this_fiber::id() == of);
            ramie::this_fiber::sleep_for(1ms);
            trace->push_back("destroyed");
        }
    };
    static constinit fiber_local<traced> const late([] { return traced(); });
    both_ways([](one_thread_carrier& carrier) {
        std::vector<std::string> all;
        trace = &all;
        auto task = ramie::spawn([] {
            (void)late.get();
            trace->push_back("returns");
        });
        auto joiner = ramie::spawn([&] {
            task.get();
            trace->push_back("joined");
        });
        carrier.run();
        joiner.get();
        CHECK(all == std::vector<std::string>{"returns", "destroyed", "joined"});
        all.clear();
        auto failing = ramie::spawn([] {
            (void)late.get();
            throw 1;
        });
        carrier.run();
        CHECK(all == std::vector<std::string>{"destroyed"});
        CHECK(failing.join().error().is_exception());
        all.clear();
        auto aborted = ramie::spawn([] {
            (void)late.get();
            ramie::this_fiber::sleep_for(1h);
        });
        carrier.drain();
        aborted.abort();
        carrier.run();
        CHECK(all == std::vector<std::string>{"destroyed"});
    });
}

TEST_CASE("fiber_local: a value's destructor finds the older ones, and may make new ones, destroyed too") {
    static std::string* trace = nullptr;
    struct last {
        ~last() {
            *trace += name.get();
            counted.set(tracked());
        }
    };
    static constinit fiber_local<last> const newest([] { return last(); });
    both_ways([](one_thread_carrier& carrier) {
        std::string seen;
        trace = &seen;
        auto task = ramie::spawn([] {
            name.set("older");
            (void)newest.get();
        });
        carrier.run();
        task.get();
        CHECK(seen == "older");
        CHECK(tracked::alive() == 0);
    });
}

TEST_CASE("fiber_local: a result that nobody takes may use them in its destructor") {
    both_ways([](one_thread_carrier& carrier) {
        struct result {
            bool mine = true;
            result() = default;
            result(result&& other) noexcept : mine(std::exchange(other.mine, false)) {}
            ~result() {
                if (mine) counted.set(tracked());
            }
        };
        ramie::spawn([] { return result(); }).detach();
        carrier.run();
        CHECK(tracked::alive() == 0);
    });
}

TEST_CASE("fiber_local: values of tasks that run one after another on one stack do not meet") {
    one_thread_carrier carrier;
    carrier.switch_directly(true);
    std::vector<ramie::join_handle<int>> tasks;
    for (int i = 0; i < 100; ++i) {
        tasks.push_back(ramie::spawn([i] {
            CHECK_FALSE(number.is_set());
            number.set(i);
            return ++counter.get();
        }));
    }
    carrier.run();
    for (auto& t : tasks) CHECK(t.get() == 101);
}

TEST_CASE("fiber_local: a plain thread has its own value, destroyed when it ends") {
    number.scope(1, [] {
        std::thread([] {
            CHECK_FALSE(number.is_set());
            counted.set(tracked());
            CHECK(++counter.get() == 101);
        }).join();
        CHECK(tracked::alive() == 0);
        CHECK(number.get() == 1);
    });
}

TEST_CASE("fiber_local: a task inherits from the plain thread that spawns it") {
    one_thread_carrier carrier;
    auto task = inherited.scope("from outside", [] { return ramie::spawn([] { return inherited.get(); }); });
    carrier.run();
    CHECK(task.get() == "from outside");
}

TEST_CASE("fiber_local: a value whose destructor always makes another one dies with a message") {
    auto const end = in_child([] {
        one_thread_carrier carrier;
        ramie::spawn({.name = "hydra"}, [] { (void)heads.get(); }).detach();
        carrier.run();
    });
    CHECK(end.killed_by(SIGABRT));
    CHECK(end.said("\"hydra\" make new values without end"));
}
