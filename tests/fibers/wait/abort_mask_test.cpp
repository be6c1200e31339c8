// When an abort, or an outer timeout, is not thrown: while unwinding and in an abort_shield. And the stop_token, which
// tells of an abort without throwing.
#include "both_ways.hpp"

#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <type_traits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

template <class F>
struct at_end {
    F f;
    ~at_end() { f(); }
};
template <class F>
at_end(F) -> at_end<F>;

}  // namespace

TEST_CASE("mask: an abort is not thrown out of a destructor that waits while another exception unwinds") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        std::string trace;
        auto task = ramie::spawn([&] {
            try {
                at_end waits{[&] {
                    gate.wait();
                    trace += 'a';
                    ramie::this_fiber::yield();
                    ramie::this_fiber::abort_point();
                    trace += 'b';
                }};
                throw std::runtime_error("first");
            } catch (std::runtime_error const&) {
                trace += 'c';
            }
            ramie::this_fiber::abort_point();
            trace += 'd';
        });
        carrier.drain();
        task.abort();
        carrier.drain();
        CHECK(trace == "");
        gate.notify_one();
        carrier.drain();
        CHECK(trace == "abc");
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("mask: an exception that unwinds past the abort is the task's end") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            at_end waits{[] { ramie::this_fiber::sleep_for(1s); }};
            throw std::runtime_error("first");
        });
        carrier.drain();
        task.abort();
        carrier.run();
        CHECK_THROWS_WITH_AS(task.get(), "first", std::runtime_error);
    });
}

TEST_CASE("mask: destructors may wait while the abort itself unwinds") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        std::string trace;
        auto task = ramie::spawn([&] {
            at_end waits{[&] {
                std::lock_guard held(m);
                trace += 'a';
                ramie::this_fiber::sleep_for(1s);
                trace += 'b';
            }};
            ramie::this_fiber::sleep_for(1h);
        });
        carrier.drain();
        m.lock();
        task.abort();
        carrier.drain();
        CHECK(trace == "");
        m.unlock();
        carrier.run();
        CHECK(trace == "ab");
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("mask: a timeout that passes while unwinding is not thrown out of a waiting destructor") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            bool waited = false;
            auto const ended = ramie::timeout(1s, [&] {
                try {
                    at_end waits{[&] {
                        ramie::this_fiber::sleep_for(5s);
                        waited = true;
                    }};
                    throw std::runtime_error("first");
                } catch (std::runtime_error const&) {
                }
                ramie::this_fiber::sleep_for(1ns);
            });
            CHECK(waited);
            CHECK_FALSE(ended.has_value());
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("shield: an abort is not thrown while one lives, but at the next suspension point after it") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify gate;
        std::string trace;
        auto task = ramie::spawn([&] {
            {
                ramie::abort_shield whole;
                gate.wait();
                trace += 'a';
                ramie::this_fiber::yield();
                ramie::this_fiber::sleep_for(0s);
                ramie::this_fiber::abort_point();
                trace += 'b';
            }
            trace += 'c';
            ramie::this_fiber::abort_point();
            trace += 'd';
        });
        carrier.drain();
        task.abort();
        carrier.drain();
        CHECK(trace == "");
        gate.notify_one();
        carrier.drain();
        CHECK(trace == "abc");
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("shield: shields nest; the outermost counts") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto task = ramie::spawn([&] {
            std::optional<ramie::abort_shield> outer(std::in_place);
            {
                ramie::abort_shield inner;
                ramie::this_fiber::yield();
                trace += 'a';
            }
            ramie::this_fiber::yield();
            trace += 'b';
            outer.reset();
            ramie::this_fiber::yield();
            trace += 'c';
        });
        CHECK(carrier.runnable() == 1);
        auto aborter = ramie::spawn([&] { task.abort(); });
        carrier.drain();
        CHECK(trace == "ab");
        CHECK(task.join().error().is_cancelled());
        aborter.get();
    });
}

TEST_CASE("shield: is the fiber's own; others are aborted meanwhile") {
    both_ways([](one_thread_carrier& carrier) {
        auto shielded = ramie::spawn([] {
            ramie::abort_shield whole;
            ramie::this_fiber::sleep_for(1s);
        });
        auto plain = ramie::spawn([] { ramie::this_fiber::sleep_for(2s); });
        carrier.drain();
        shielded.abort();
        plain.abort();
        carrier.drain();
        CHECK(plain.is_finished());
        CHECK_FALSE(shielded.is_finished());
        carrier.run();
        CHECK(plain.join().error().is_cancelled());
        CHECK(shielded.join().has_value());
    });
}

TEST_CASE("shield: waits within are not cut short by an outer timeout, but by one inside it") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            auto const start = ramie::detail::carrier::now();
            auto const passed = [&] { return ramie::detail::carrier::now() - start; };
            auto const ended = ramie::timeout(1s, [&] {
                ramie::abort_shield whole;
                ramie::this_fiber::sleep_for(3s);
                CHECK(passed() == 3s);
                return 5;
            });
            CHECK(ended == 5);

            auto const later = ramie::timeout(1s, [&] {
                {
                    ramie::abort_shield whole;
                    ramie::this_fiber::sleep_for(3s);
                }
                ramie::this_fiber::sleep_for(1s);
            });
            CHECK_FALSE(later.has_value());
            CHECK(passed() == 6s);
        });
        carrier.run();
        task.get();
    });
}

// --- a mask holds off only what is older than itself ---

namespace {

// Calls f where a mask holds off what is outside, and says whether it was.
template <class F>
void in_shield(F f) {
    ramie::abort_shield whole;
    f();
}
template <class F>
void in_destructor_while_unwinding(F f) {
    try {
        at_end const waits{f};
        throw std::runtime_error("first");
    } catch (std::runtime_error const&) {
    }
}
// Ramie's own: a callable is destroyed shielded.
template <class F>
void in_destroyed_callable(F f) {
    auto task = ramie::spawn([held = std::make_unique<at_end<F>>(f)] {});
    task.get();
}
// And so is a result that nobody takes.
template <class F>
void in_discarded_result(F f) {
    ramie::notify over;
    ramie::spawn([&, f] {
        auto last = [f, &over] {
            f();
            over.notify_one();
        };
        return std::make_unique<at_end<decltype(last)>>(last);
    }).detach();
    over.wait();
}
template <class F>
void in_two_shields_while_unwinding(F f) {
    ramie::abort_shield whole;
    in_destructor_while_unwinding([&] { in_shield(f); });
}

template <class Test>
void in_each_mask(Test&& test) {
    test("a shield", [](auto f) { in_shield(f); });
    test("a destructor while unwinding", [](auto f) { in_destructor_while_unwinding(f); });
    test("a callable's destructor", [](auto f) { in_destroyed_callable(f); });
    test("a discarded result's destructor", [](auto f) { in_discarded_result(f); });
    test("shields and unwinding", [](auto f) { in_two_shields_while_unwinding(f); });
}

auto now() { return ramie::detail::carrier::now(); }

}  // namespace

TEST_CASE("mask: a timeout opened inside it ends its wait") {
    in_each_mask([](char const* where, auto mask) {
        CAPTURE(std::string(where));
        both_ways([&](one_thread_carrier& carrier) {
            bool told = false;
            auto task = ramie::spawn([&] {
                auto const start = now();
                mask([&told] {
                    ramie::notify never;
                    told = !ramie::timeout(100ms, [&] { never.wait(); }).has_value();
                });
                return now() - start;
            });
            carrier.run();
            REQUIRE(task.is_finished());
            CHECK(task.get() == 100ms);
            CHECK(told);
        });
    });
}

TEST_CASE("mask: an outer timeout is held off, and the inner one's own deadline counts") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            auto const start = now();
            auto const outer = ramie::timeout(1s, [&] {
                {
                    ramie::abort_shield whole;
                    auto const inner = ramie::timeout(3s, [] { ramie::this_fiber::sleep_for(1h); });
                    CHECK_FALSE(inner.has_value());
                    CHECK(now() - start == 3s);
                }
                ramie::this_fiber::sleep_for(1h);
            });
            CHECK_FALSE(outer.has_value());
            CHECK(now() - start == 3s);
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("mask: an abort is held off by it also inside a timeout that was opened within") {
    both_ways([](one_thread_carrier& carrier) {
        std::string trace;
        auto task = ramie::spawn([&] {
            {
                ramie::abort_shield whole;
                if (ramie::timeout(5s, [] { ramie::this_fiber::sleep_for(1s); })) trace += 'a';
                if (!ramie::timeout(1s, [] { ramie::this_fiber::sleep_for(5s); })) trace += 'b';
            }
            trace += 'c';
            ramie::this_fiber::abort_point();
            trace += 'd';
        });
        carrier.drain();
        task.abort();
        carrier.run();
        CHECK(trace == "abc");
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("mask: one that ends within a timeout lets the older ones through again") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            auto const start = now();
            std::optional<ramie::abort_shield> whole;
            auto const outer = ramie::timeout(1s, [&] {
                whole.emplace();
                (void)ramie::timeout(5s, [&] {
                    whole.reset();
                    ramie::this_fiber::sleep_for(1h);
                });
            });
            CHECK_FALSE(outer.has_value());
            CHECK(now() - start == 1s);
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("mask: the inner of nested timeouts inside a mask leaves the rest to the next one outside") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            auto const start = now();
            ramie::abort_shield whole;
            auto const outer = ramie::timeout(2s, [&] {
                CHECK_FALSE(ramie::timeout(1s, [] { ramie::this_fiber::sleep_for(1h); }).has_value());
                CHECK(now() - start == 1s);
                (void)ramie::timeout(3s, [] { ramie::this_fiber::sleep_for(1h); });
                FAIL("its own deadline is later");
            });
            CHECK_FALSE(outer.has_value());
            CHECK(now() - start == 2s);
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("mask: on a plain thread too a timeout inside it ends its wait") {
    ramie::notify never;
    {
        ramie::abort_shield whole;
        CHECK_FALSE(ramie::timeout(1ms, [&] { never.wait(); }).has_value());
    }
    in_destructor_while_unwinding([&] { CHECK_FALSE(ramie::timeout(1ms, [&] { never.wait(); }).has_value()); });
}

TEST_CASE("yield: a loop of yields is ended by a timeout round it") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        m.lock();
        auto clock = ramie::spawn([&] {
            for (int i = 0; i < 20; ++i) {
                carrier.advance(100ms);
                ramie::this_fiber::yield();
            }
        });
        auto task = ramie::spawn([&] {
            return ramie::timeout(1s, [&] {
                for (int i = 0; i < 1000; ++i) {
                    if (m.try_lock()) return;
                    ramie::this_fiber::yield();
                }
                FAIL("it goes on for ever");
            });
        });
        carrier.run();
        CHECK_FALSE(task.get().has_value());
        clock.get();
        m.unlock();
    });
}

// --- stop_token ---

TEST_CASE("stop_token: is requested by abort, at once, and runs its callbacks") {
    both_ways([](one_thread_carrier& carrier) {
        bool told = false;
        std::stop_token token;
        auto task = ramie::spawn([&](std::stop_token own) {
            token = own;
            std::stop_callback const tell(own, [&] { told = true; });
            ramie::abort_shield whole;
            ramie::this_fiber::sleep_for(1s);
            return own.stop_requested();
        });
        carrier.drain();
        CHECK_FALSE(token.stop_requested());
        task.abort();
        CHECK(told);
        CHECK(token.stop_requested());
        carrier.run();
        CHECK(task.get());
        CHECK(token.stop_requested());
    });
}

TEST_CASE("stop_token: one that is made after the abort is requested already") {
    both_ways([](one_thread_carrier& carrier) {
        auto task = ramie::spawn([] {
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (ramie::aborted const&) {
                CHECK(ramie::this_fiber::stop_token().stop_requested());
                throw;
            }
        });
        carrier.drain();
        task.abort();
        carrier.drain();
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("stop_token: each task has one of its own, requested by nothing but its abort") {
    both_ways([](one_thread_carrier& carrier) {
        std::stop_token first, second;
        auto a = ramie::spawn([&] {
            first = ramie::this_fiber::stop_token();
            CHECK(first == ramie::this_fiber::stop_token());
            ramie::this_fiber::sleep_for(1s);
        });
        auto b = ramie::spawn([&] {
            second = ramie::this_fiber::stop_token();
            ramie::this_fiber::sleep_for(1s);
        });
        carrier.drain();
        a.abort();
        carrier.run();
        CHECK(first.stop_requested());
        CHECK_FALSE(second.stop_requested());
        CHECK(a.join().error().is_cancelled());
        b.get();
        CHECK_FALSE(second.stop_requested());
    });
    CHECK_FALSE(ramie::this_fiber::stop_token().stop_possible());
}

static_assert(std::is_same_v<ramie::this_fiber::abort_shield, ramie::abort_shield>);
