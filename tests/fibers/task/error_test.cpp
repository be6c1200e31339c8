// What a join_error says, and what is said of exceptions of any kind.
#include "both_ways.hpp"

#include <ramie/error.hpp>
#include <ramie/spawn.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

using namespace ramie::testing;

// A handler for std::exception must not swallow them.
static_assert(!std::is_base_of_v<std::exception, ramie::aborted>);
static_assert(!std::is_base_of_v<std::exception, ramie::deadline_passed>);
static_assert(std::is_base_of_v<std::exception, ramie::join_error>);
static_assert(std::is_base_of_v<std::logic_error, ramie::no_runtime>);

namespace {

template <class F>
ramie::join_error failure_of(one_thread_carrier& carrier, std::string name, F&& f) {
    auto task = ramie::spawn({.name = std::move(name)}, std::forward<F>(f));
    carrier.drain();
    auto result = task.join();
    CHECK_FALSE(result.has_value());
    return result.error();
}

std::string subject(ramie::join_error const& e) { return "task " + std::to_string(e.id()); }

}  // namespace

TEST_CASE("join_error: an exception is kept as it was thrown, and the text names task, type and message") {
    both_ways([](one_thread_carrier& carrier) {
        auto const e = failure_of(carrier, "load", [] { throw std::out_of_range("too far"); });
        CHECK(e.is_exception());
        CHECK_FALSE(e.is_cancelled());
        CHECK(e.name() == "load");
        CHECK(e.id() != 0);
        CHECK(e.what() == subject(e) + " \"load\" ended by std::out_of_range: too far");
        CHECK_THROWS_WITH_AS(e.rethrow(), "too far", std::out_of_range);
        CHECK_THROWS_WITH_AS(std::rethrow_exception(e.exception()), "too far", std::out_of_range);
    });
}

TEST_CASE("join_error: a type that is no std::exception is named too") {
    both_ways([](one_thread_carrier& carrier) {
        auto const e = failure_of(carrier, "", [] { throw 42; });
        CHECK(e.is_exception());
        CHECK(e.name().empty());
        CHECK(e.what() == subject(e) + " ended by an exception of type int");
        CHECK_THROWS_AS(e.rethrow(), int);
        try {
            e.rethrow();
        } catch (int n) {
            CHECK(n == 42);
        }
    });
}

TEST_CASE("join_error: an aborted task has no exception; rethrowing throws the join_error itself") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn({.name = "late"}, [] {});
        auto const id = task.id();
        task.abort();
        auto const e = task.join().error();
        carrier.drain();
        CHECK(e.is_cancelled());
        CHECK_FALSE(e.is_exception());
        CHECK(e.exception() == nullptr);
        CHECK(e.id() == id);
        CHECK(e.what() == subject(e) + " \"late\" was aborted");
        CHECK_THROWS_WITH_AS(e.rethrow(), e.what(), ramie::join_error);
    });
}

TEST_CASE("join_error: a copy outlives its task and says the same") {
    ramie::join_error copy(0, "", nullptr);
    std::string text;
    {
        one_thread_carrier carrier;
        auto const e = failure_of(carrier, "gone", [] { throw std::runtime_error("why"); });
        text = e.what();
        copy = e;
    }
    CHECK(copy.what() == text);
    CHECK_THROWS_WITH_AS(copy.rethrow(), "why", std::runtime_error);
}

TEST_CASE("describe: any exception, and none") {
    CHECK(ramie::describe(nullptr) == "nothing");
    CHECK(ramie::describe(std::make_exception_ptr(std::logic_error("x"))) == "std::logic_error: x");
    CHECK(ramie::describe(std::make_exception_ptr('c')) == "an exception of type char");
    CHECK(ramie::describe(std::make_exception_ptr(ramie::aborted{})) == "an exception of type ramie::aborted");
}

TEST_CASE("failure_hook: calls what it was made of, copies call the same, and what is empty makes an empty one") {
    ramie::join_error const failure(7, "a task", std::make_exception_ptr(std::runtime_error("x")));
    CHECK_FALSE(ramie::failure_hook());
    int calls = 0;
    ramie::failure_hook const hook = [calls = std::shared_ptr<int>(&calls, [](int*) {})](ramie::join_error const& e) mutable {
        *calls += static_cast<int>(e.id());
    };
    auto const copy = hook;
    REQUIRE(copy);
    hook(failure);
    copy(failure);
    CHECK(calls == 14);
    std::function<void(ramie::join_error const&)> function;
    CHECK_FALSE(ramie::failure_hook(function));
    function = hook;
    ramie::failure_hook{function}(failure);
    CHECK(calls == 21);
    void (*pointer)(ramie::join_error const&) = nullptr;
    CHECK_FALSE(ramie::failure_hook(pointer));
    static bool called = false;
    pointer = [](ramie::join_error const&) { called = true; };
    ramie::failure_hook{pointer}(failure);
    CHECK(called);
}
