// Exceptions across suspensions: each fiber has its own caught and uncaught exceptions, wherever it suspends.
#include "both_ways.hpp"

#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <exception>
#include <stdexcept>
#include <string>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::this_fiber::yield;

namespace {

// What the innermost handler now running caught; "" outside of handlers.
std::string current() {
    auto const e = std::current_exception();
    if (!e) return "";
    try {
        std::rethrow_exception(e);
    } catch (std::exception const& x) {
        return x.what();
    } catch (int n) {
        return std::to_string(n);
    }
}

template <class F>
struct at_end {
    F f;
    ~at_end() { f(); }
};
template <class F>
at_end(F) -> at_end<F>;

// Runs a and b as tasks that take turns at each yield.
template <class A, class B>
void interleaved(A&& a, B&& b) {
    both_ways([&](one_thread_carrier& carrier) {
        auto first = ramie::spawn([&] { a(); });
        auto second = ramie::spawn([&] { b(); });
        carrier.drain();
        first.get();
        second.get();
        CHECK(std::uncaught_exceptions() == 0);
        CHECK(std::current_exception() == nullptr);
    });
}

}  // namespace

TEST_CASE("exception: two fibers suspended in handlers each keep their own exception, and rethrow it") {
    auto const body = [](std::string const& name) {
        for (int i = 0; i < 3; ++i) {
            auto const text = name + std::to_string(i);
            try {
                try {
                    throw std::runtime_error(text);
                } catch (std::runtime_error const& e) {
                    auto const before = std::current_exception();
                    yield();
                    CHECK(e.what() == text);
                    CHECK(current() == text);
                    CHECK(std::current_exception() == before);
                    CHECK(std::uncaught_exceptions() == 0);
                    yield();
                    throw;
                }
            } catch (std::exception const& e) {
                CHECK(e.what() == text);
                CHECK(std::uncaught_exceptions() == 0);
            }
            CHECK(current() == "");
        }
    };
    interleaved([&] { body("a"); }, [&] { body("b"); });
}

TEST_CASE("exception: handlers within handlers, suspended at each level, left in another order than entered") {
    auto const body = [](std::string const& name, int pause) {
        auto const wait = [&] {
            for (int i = 0; i < pause; ++i) yield();
        };
        try {
            throw std::runtime_error(name + "1");
        } catch (...) {
            wait();
            CHECK(current() == name + "1");
            try {
                throw std::runtime_error(name + "2");
            } catch (...) {
                wait();
                CHECK(current() == name + "2");
                try {
                    throw 3;
                } catch (...) {
                    wait();
                    CHECK(current() == "3");
                }
                wait();
                CHECK(current() == name + "2");
            }
            wait();
            CHECK(current() == name + "1");
        }
        wait();
        CHECK(current() == "");
    };
    interleaved([&] { body("a", 1); }, [&] { body("b", 2); });
}

TEST_CASE("exception: a destructor that suspends during unwinding counts one uncaught exception, others none") {
    bool a_unwinds = false;
    interleaved(
        [&] {
            try {
                at_end waits{[&] {
                    a_unwinds = true;
                    for (int i = 0; i < 3; ++i) {
                        yield();
                        CHECK(std::uncaught_exceptions() == 1);
                        CHECK(std::current_exception() == nullptr);
                    }
                    a_unwinds = false;
                }};
                throw std::runtime_error("a");
            } catch (std::runtime_error const& e) {
                CHECK(std::string(e.what()) == "a");
                CHECK(std::uncaught_exceptions() == 0);
            }
        },
        [&] {
            CHECK(a_unwinds);
            CHECK(std::uncaught_exceptions() == 0);
            try {
                throw 1;
            } catch (int) {
                yield();
                CHECK(current() == "1");
                CHECK(std::uncaught_exceptions() == 0);
            }
            yield();
            CHECK(a_unwinds);
            CHECK(std::uncaught_exceptions() == 0);
        });
    CHECK_FALSE(a_unwinds);
}

TEST_CASE("exception: unwinding within unwinding, suspended at each depth, in two fibers") {
    auto const body = [](int pause) {
        auto const wait = [&](int uncaught) {
            for (int i = 0; i < pause; ++i) {
                yield();
                CHECK(std::uncaught_exceptions() == uncaught);
            }
        };
        try {
            at_end outer{[&] {
                wait(1);
                try {
                    at_end inner{[&] { wait(2); }};
                    throw std::runtime_error("inner");
                } catch (std::runtime_error const& e) {
                    wait(1);
                    CHECK(std::string(e.what()) == "inner");
                    CHECK(current() == "inner");
                }
                wait(1);
            }};
            throw std::runtime_error("outer");
        } catch (...) {
            wait(0);
            CHECK(current() == "outer");
        }
        wait(0);
    };
    interleaved([&] { body(1); }, [&] { body(2); });
}

TEST_CASE("exception: nested ones keep their causes over a suspension") {
    interleaved(
        [] {
            try {
                try {
                    throw std::runtime_error("cause");
                } catch (...) {
                    yield();
                    std::throw_with_nested(std::logic_error("effect"));
                }
            } catch (std::exception const& e) {
                yield();
                CHECK(std::string(e.what()) == "effect");
                CHECK_THROWS_WITH_AS(std::rethrow_if_nested(e), "cause", std::runtime_error);
            }
        },
        [] {
            try {
                throw 1;
            } catch (...) {
                for (int i = 0; i < 3; ++i) {
                    yield();
                    CHECK(current() == "1");
                }
            }
        });
}

TEST_CASE("exception: an exception_ptr may be thrown in one fiber, kept over its end, and rethrown in another") {
    std::exception_ptr kept;
    interleaved(
        [&] {
            try {
                throw std::runtime_error("kept");
            } catch (...) {
                kept = std::current_exception();
                yield();
            }
        },
        [&] {
            for (int i = 0; i < 2; ++i) {
                try {
                    std::rethrow_exception(kept);
                } catch (std::runtime_error const& e) {
                    yield();
                    CHECK(std::string(e.what()) == "kept");
                    CHECK(std::current_exception() == kept);
                }
            }
        });
    CHECK(ramie::describe(kept) == "std::runtime_error: kept");
}

TEST_CASE("exception: a child that is started from a handler, or while unwinding, begins with none") {
    both_ways([](one_thread_carrier& carrier) {
        auto const child = [] {
            CHECK(std::current_exception() == nullptr);
            CHECK(std::uncaught_exceptions() == 0);
            yield();
            CHECK(std::current_exception() == nullptr);
            CHECK(std::uncaught_exceptions() == 0);
        };
        auto parent = ramie::spawn([&] {
            try {
                at_end joins{[&] { ramie::spawn(child).get(); }};
                throw std::runtime_error("parent");
            } catch (...) {
                ramie::spawn(child).get();
                CHECK(current() == "parent");
            }
        });
        carrier.drain();
        parent.get();
    });
}

TEST_CASE("exception: the carrier's thread keeps its own while it runs fibers, and they see none of them") {
    both_ways([](one_thread_carrier& carrier) {
        auto const body = [] {
            CHECK(std::current_exception() == nullptr);
            CHECK(std::uncaught_exceptions() == 0);
            try {
                throw 1;
            } catch (int) {
                yield();
                CHECK(current() == "1");
            }
        };
        auto a = ramie::spawn(body), b = ramie::spawn(body);
        try {
            at_end steps{[&] {
                CHECK(std::uncaught_exceptions() == 1);
                carrier.step();
                CHECK(std::uncaught_exceptions() == 1);
            }};
            throw std::runtime_error("host");
        } catch (...) {
            carrier.step();
            CHECK(current() == "host");
        }
        carrier.drain();
        CHECK(std::current_exception() == nullptr);
        a.get();
        b.get();
    });
}

TEST_CASE("exception: a task that runs on the stack of one that failed begins with none") {
    both_ways([](one_thread_carrier& carrier) {
        for (int i = 0; i < 3; ++i) {
            auto fails = ramie::spawn([] { throw std::runtime_error("x"); });
            auto aborts = ramie::spawn([] { throw ramie::aborted{}; });
            auto next = ramie::spawn([] {
                CHECK(std::current_exception() == nullptr);
                CHECK(std::uncaught_exceptions() == 0);
            });
            carrier.drain();
            CHECK(fails.join().error().is_exception());
            CHECK(aborts.join().error().is_cancelled());
            next.get();
        }
    });
}

TEST_CASE("exception: an abort and a timeout thrown inside a handler leave the handler's exception in order") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([&] {
            try {
                throw std::runtime_error("handled");
            } catch (...) {
                auto const ended = ramie::timeout(1s, [] { ramie::this_fiber::sleep_for(1h); });
                CHECK_FALSE(ended.has_value());
                CHECK(current() == "handled");
                try {
                    ramie::this_fiber::sleep_for(1h);
                } catch (ramie::aborted const&) {
                }
                CHECK(current() == "handled");
            }
        });
        carrier.drain();
        carrier.advance(1s);
        carrier.drain();
        task.abort();
        carrier.drain();
        task.get();
    });
}
