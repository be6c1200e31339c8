// What spawn takes, how it keeps it, and when it runs it.
#include "both_ways.hpp"
#include "witness.hpp"

#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

using namespace ramie::testing;

TEST_CASE("a spawned task runs later and its value is joined") {
    both_ways([](one_thread_carrier& carrier) {
        bool ran = false;
        auto handle = ramie::spawn([&] {
            ran = true;
            return 7;
        });
        CHECK_FALSE(ran);
        CHECK_FALSE(handle.is_finished());
        carrier.drain();
        CHECK(ran);
        CHECK(handle.is_finished());
        CHECK(handle.join().value() == 7);
    });
}

TEST_CASE("spawn: within a task it is not a suspension point, and tasks start in the order of their spawning") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto parent = ramie::spawn([&] {
            for (char const name : {'b', 'c', 'd'}) ramie::spawn([&trace, name] { trace += name; }).detach();
            trace += 'a';
        });
        carrier.drain();
        CHECK(trace == "abcd");
        parent.get();
    });
}

TEST_CASE("spawn: an aborted task can still spawn, as spawn is no abort point") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::abort_handle self;
        bool ran = false;
        auto parent = ramie::spawn([&] {
            self.abort();
            ramie::spawn([&] { ran = true; }).detach();
        });
        self = parent.abort_handle();
        carrier.drain();
        CHECK(ran);
        CHECK(parent.join().has_value());
    });
}

TEST_CASE("spawn: takes from no to six arguments") {
    both_ways([](one_thread_carrier& carrier) {
        auto const sum = [](std::same_as<int> auto... n) { return (0 + ... + n); };
        auto a = ramie::spawn(sum);
        auto b = ramie::spawn(sum, 1);
        auto c = ramie::spawn(sum, 1, 2);
        auto d = ramie::spawn(sum, 1, 2, 4);
        auto e = ramie::spawn(sum, 1, 2, 4, 8);
        auto f = ramie::spawn(sum, 1, 2, 4, 8, 16);
        auto g = ramie::spawn(sum, 1, 2, 4, 8, 16, 32);
        auto h = ramie::spawn({.name = "six"}, sum, 1, 2, 4, 8, 16, 32);
        carrier.drain();
        CHECK(a.get() == 0);
        CHECK(b.get() == 1);
        CHECK(c.get() == 3);
        CHECK(d.get() == 7);
        CHECK(e.get() == 15);
        CHECK(f.get() == 31);
        CHECK(g.get() == 63);
        CHECK(h.get() == 63);
    });
}

TEST_CASE("spawn: arguments are copied or moved into the task and out of it into the call") {
    both_ways([](one_thread_carrier& carrier) {
        std::string copied = "copied";
        auto joined = ramie::spawn(
            [](std::string const& a, std::unique_ptr<int> b, std::string&& c) { return a + std::to_string(*b) + c; },
            copied, std::make_unique<int>(5), std::string("moved"));
        copied = "changed";
        carrier.drain();
        CHECK(joined.get() == "copied5moved");
    });
}

TEST_CASE("spawn: std::ref lends an argument") {
    both_ways([](one_thread_carrier& carrier) {
        int lent = 1;
        auto task = ramie::spawn([](int& n) { ++n; }, std::ref(lent));
        carrier.drain();
        CHECK(lent == 2);
        task.get();
    });
}

TEST_CASE("spawn: a string literal is an argument like any other") {
    one_thread_carrier carrier;
    auto task = ramie::spawn([](std::string s) { return s + "!"; }, "text");
    carrier.drain();
    CHECK(task.get() == "text!");
}

namespace {

struct counter {
    int n = 0;
    int add(int m) { return n += m; }
    int read() const { return n; }
};

int twice(int n) { return 2 * n; }

// A callable that may be called once only, as an rvalue.
struct once {
    std::unique_ptr<int> n;
    int operator()() && { return *n; }
};

}  // namespace

TEST_CASE("spawn: member functions, plain functions and rvalue-only callables") {
    both_ways([](one_thread_carrier& carrier) {
        counter c;
        auto a = ramie::spawn(&counter::add, &c, 3);
        auto b = ramie::spawn(&counter::add, std::ref(c), 4);
        auto d = ramie::spawn(&counter::read, std::make_unique<counter>(9));
        auto f = ramie::spawn(twice, 21);
        auto g = ramie::spawn(once{std::make_unique<int>(1)});
        carrier.drain();
        CHECK(a.get() == 3);
        CHECK(b.get() == 7);
        CHECK(d.get() == 9);
        CHECK(f.get() == 42);
        CHECK(g.get() == 1);
    });
}

TEST_CASE("spawn: a callable that takes a stop_token first is given the task's") {
    both_ways([](one_thread_carrier& carrier) {
        auto a = ramie::spawn([](std::stop_token token, int n) { return token.stop_possible() ? n : -1; }, 4);
        auto b = ramie::spawn([](std::stop_token token) { return token == ramie::this_fiber::stop_token(); });
        auto c = ramie::spawn([](auto&&... all) { return sizeof...(all); }, 1);
        carrier.drain();
        CHECK(a.get() == 4);
        CHECK(b.get());
        CHECK(c.get() == 2);  // whoever accepts anything accepts a token too, as with std::jthread
    });
}

TEST_CASE("spawn: a callable that cannot be copied in leaves nothing behind") {
    struct stubborn {
        stubborn() = default;
        stubborn(stubborn const&) { throw std::runtime_error("no copy"); }
        void operator()() const {}
    };
    one_thread_carrier carrier;
    ends log;
    stubborn const original;
    CHECK_THROWS_WITH_AS((void)ramie::spawn(original), "no copy", std::runtime_error);
    CHECK_THROWS_WITH_AS((void)ramie::spawn([](witness const&, stubborn const&) {}, witness(log), original), "no copy",
                         std::runtime_error);
    CHECK(carrier.live() == 0);
    CHECK(carrier.runnable() == 0);
    CHECK(log.size() == 1);
    CHECK(witness::alive == 0);
}

TEST_CASE("spawn: every task has an id of its own, and the name it was given") {
    both_ways([](one_thread_carrier& carrier) {
        std::set<ramie::task_id> ids{0};
        std::vector<ramie::join_handle<ramie::task_id>> tasks;
        for (int i = 0; i < 10; ++i) tasks.push_back(ramie::spawn([] { return ramie::this_fiber::id(); }));
        auto named = ramie::spawn({.name = "carla"}, [] { return std::string(ramie::this_fiber::name()); });
        CHECK(named.name() == "carla");
        CHECK(tasks[0].name() == "");
        carrier.drain();
        for (auto& t : tasks) {
            CHECK(ids.insert(t.id()).second);
            auto const id = t.id();
            CHECK(t.get() == id);
        }
        CHECK(named.get() == "carla");
    });
}

TEST_CASE("spawn: a task has at least the stack that was asked for") {
    both_ways([](one_thread_carrier& carrier) {
        for (std::size_t const wanted : {std::size_t{4096}, std::size_t{100'000}, std::size_t{4} << 20}) {
            // What the call itself takes is within a page.
            auto task = ramie::spawn({.stack_size = wanted}, [] { return ramie::this_fiber::stack_left() + 4096; });
            carrier.drain();
            CHECK(task.get() >= wanted);
        }
    });
}

TEST_CASE("spawn: a stack size out of range is refused by name, before anything is made") {
    one_thread_carrier carrier;
    ends log;
    for (std::size_t const wrong : {std::size_t{1}, std::size_t{4095}, ~std::size_t{0}}) {
        auto const nothing = [](witness const&) {};
        CHECK_THROWS_WITH_AS((void)ramie::spawn({.stack_size = wrong}, nothing, witness(log)),
                             doctest::Contains(("ramie: stack_size is " + std::to_string(wrong) + "; accepted are 4096 to ").c_str()),
                             std::invalid_argument);
    }
    CHECK(carrier.live() == 0);
    CHECK(log.size() == 3);
    CHECK(witness::alive == 0);
}

namespace {

// Where the carrier's only task was spawned.
unsigned line_of_the_task(one_thread_carrier& carrier, char const* file) {
    unsigned line = 0;
    carrier.tasks().for_each([&](ramie::detail::task& t) {
        CHECK(std::string_view(t.where().file_name()) == file);
        line = t.where().line();
    });
    carrier.drain();
    return line;
}

}  // namespace

TEST_CASE("spawn: a task knows the line it was spawned at") {
    both_ways([](one_thread_carrier& carrier) {
        auto const nothing = [](auto...) {};
        ramie::spawn(nothing).detach();
        CHECK(line_of_the_task(carrier, __FILE__) == __LINE__ - 1);
        ramie::spawn(nothing, 1).detach();
        CHECK(line_of_the_task(carrier, __FILE__) == __LINE__ - 1);
        ramie::spawn(nothing, 1, 2).detach();
        CHECK(line_of_the_task(carrier, __FILE__) == __LINE__ - 1);
        ramie::spawn(nothing, 1, 2, 3).detach();
        CHECK(line_of_the_task(carrier, __FILE__) == __LINE__ - 1);
        ramie::spawn({.name = "with options"}, nothing, 1, 2, 3, 4, 5, 6).detach();
        CHECK(line_of_the_task(carrier, __FILE__) == __LINE__ - 1);
        ramie::task_options const options{.name = "made elsewhere"};
        auto const made_at = unsigned{__LINE__} - 1;
        ramie::spawn(options, nothing).detach();
        CHECK(line_of_the_task(carrier, __FILE__) == made_at);
    });
}

TEST_CASE("spawn: outside a runtime it throws no_runtime, which says which verb and why") {
    CHECK_THROWS_WITH_AS((void)ramie::spawn([] {}), doctest::Contains("spawn"), ramie::no_runtime);
    CHECK_THROWS_AS((void)ramie::spawn({.name = "x"}, [] {}), ramie::no_runtime);
    one_thread_carrier carrier;
    std::thread([] { CHECK_THROWS_AS((void)ramie::spawn([] {}), ramie::no_runtime); }).join();
}
