// When an abort, or an outer timeout, is not thrown: while unwinding and in an abort_shield. And the stop_token, which
// tells of an abort without throwing.
#include "both_ways.hpp"

#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

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
