// timeout: when it throws into a wait, who catches it, and what wins over it.
#include "both_ways.hpp"
#include "places.hpp"
#include "witness.hpp"

#include <ramie/spawn.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <expected>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// Virtual time since it was made.
struct stopwatch {
    ramie::detail::time_point start = ramie::detail::carrier::now();
    auto operator()() const { return ramie::detail::carrier::now() - start; }
};

// The body as a task, run to its end in virtual time.
template <class F>
void in_task(F&& body) {
    both_ways([&](one_thread_carrier& carrier) {
        auto task = ramie::spawn([&] { body(carrier); });
        carrier.run();
        CHECK(task.is_finished());
        task.get();
    });
}

}  // namespace

TEST_CASE("timeout: ends every parked wait when its time is up, and others can use the place afterwards") {
    both_ways([](one_thread_carrier& carrier) {
        for (auto const& [what, wait] : places::all()) {
            CAPTURE(what);
            places p;
            p.child = ramie::spawn([] { ramie::this_fiber::sleep_for(std::chrono::hours::max()); });
            int thrown = 0;
            stopwatch passed;
            auto task = ramie::spawn([&] {
                return ramie::timeout(1s, [&] {
                    try {
                        wait(p);
                    } catch (ramie::deadline_passed const&) {
                        ++thrown;
                        throw;
                    }
                });
            });
            carrier.drain();
            CHECK(carrier.armed() == 1);
            carrier.run();
            CHECK(passed() == 1s);
            CHECK(thrown == 1);
            CHECK(task.get() == std::unexpected(ramie::timed_out{}));
            CHECK(carrier.armed() == 0);

            auto after = ramie::spawn([&] { wait(p); });
            carrier.drain();
            p.held.unlock();
            p.changed.notify_one();
            p.signal.notify_one();
            p.child.abort();
            carrier.run();
            CHECK(after.is_finished());
            (void)after.join();
            CHECK(p.free.try_lock());
        }
    });
}

TEST_CASE("timeout: a wait that ends in time disarms it") {
    both_ways([](one_thread_carrier& carrier) {
        for (auto const& [what, wait] : places::all()) {
            CAPTURE(what);
            if (what == "sleep") continue;
            places p;
            ramie::notify end;
            p.child = ramie::spawn([&] { end.wait(); });
            stopwatch passed;
            auto task = ramie::spawn([&] { return ramie::timeout(1s, [&] { wait(p); }); });
            carrier.drain();
            CHECK(carrier.armed() == 1);
            p.held.unlock();
            end.notify_one();
            p.signal.notify_one();
            // The wait with a predicate goes on waiting; it is stopped below.
            p.changed.notify_one();
            carrier.drain();
            if (what == "condition_variable, with a limit") {
                CHECK(carrier.armed() == 1);
                task.abort();
                carrier.drain();
            }
            CHECK(carrier.armed() == 0);
            CHECK(task.is_finished());
            CHECK(passed() == 0s);
            (void)task.join();
            if (p.child.valid()) p.child.get();
        }
    });
}

TEST_CASE("timeout: a result that needs no wait wins, and nothing is armed") {
    in_task([](one_thread_carrier& carrier) {
        ramie::mutex m;
        ramie::notify n;
        n.notify_one();
        auto child = ramie::spawn([] { return 2; });
        ramie::this_fiber::yield();
        for (auto const limit : {std::chrono::nanoseconds(1h), 0ns, -5ns}) {
            n.notify_one();
            auto const result = ramie::timeout(limit, [&] {
                m.lock();
                m.unlock();
                n.wait();
                CHECK(child.wait_for(1h));
                CHECK(carrier.armed() == 0);
                return 3;
            });
            CHECK(result == 3);
        }
        CHECK(child.get() == 2);
    });
}

TEST_CASE("timeout: passes values and exceptions of any kind through") {
    in_task([](one_thread_carrier&) {
        CHECK(ramie::timeout(1s, [] {}).has_value());
        CHECK(*ramie::timeout(1s, [] { return std::make_unique<int>(4); }).value() == 4);
        CHECK_THROWS_WITH_AS((void)ramie::timeout(1s, [] { throw std::runtime_error("x"); }), "x", std::runtime_error);
        CHECK_THROWS_AS((void)ramie::timeout(1s, [] { throw 1; }), int);
        CHECK(ramie::timeout_at(std::chrono::system_clock::now() + 1h, [] { return 1; }) == 1);
        CHECK(ramie::timeout_at(ramie::detail::carrier::now() + 1h, [] { return 1; }) == 1);
    });
}

TEST_CASE("timeout: one that has passed before the wait throws at the next one that really has to wait") {
    in_task([](one_thread_carrier& carrier) {
        std::string trace;
        auto const ended = ramie::timeout(1s, [&] {
            carrier.advance(2s);
            ramie::mutex m;
            m.lock();
            trace += 'a';
            ramie::this_fiber::sleep_for(1ns);
            trace += 'b';
        });
        CHECK_FALSE(ended.has_value());
        CHECK(trace == "a");
    });
}

TEST_CASE("timeout: destructors run, and a handler for std::exception does not see it") {
    in_task([](one_thread_carrier&) {
        ends log;
        auto const ended = ramie::timeout(1s, [&] {
            witness const inside(log);
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (std::exception const&) {
                log.clear();
                log.resize(100);
            }
        });
        CHECK_FALSE(ended.has_value());
        CHECK(log == ends{ramie::this_fiber::id()});
    });
}

TEST_CASE("timeout: one that is swallowed is thrown again at each further wait, until its own timeout is left") {
    in_task([](one_thread_carrier&) {
        int swallowed = 0;
        stopwatch const passed;
        auto const ended = ramie::timeout(1s, [&] {
            for (int i = 0; i < 3; ++i) {
                try {
                    ramie::this_fiber::sleep_for(1h);
                } catch (...) {
                    ++swallowed;
                }
            }
            return 7;
        });
        CHECK(swallowed == 3);
        CHECK(ended == 7);
        CHECK(passed() == 1s);
        ramie::this_fiber::sleep_for(1s);
        CHECK(passed() == 2s);

        auto const again = ramie::timeout(1s, [&] {
            try {
                ramie::this_fiber::sleep_for(1h);
            } catch (...) {
            }
            ramie::this_fiber::sleep_for(1h);
        });
        CHECK_FALSE(again.has_value());
        CHECK(passed() == 3s);
    });
}

// --- nesting ---

TEST_CASE("timeout: of two, the inner and earlier one is caught by the inner, and the outer goes on") {
    in_task([](one_thread_carrier& carrier) {
        stopwatch const passed;
        auto const outer = ramie::timeout(3s, [&] {
            auto const inner = ramie::timeout(1s, [] { ramie::this_fiber::sleep_for(1h); });
            CHECK_FALSE(inner.has_value());
            CHECK(passed() == 1s);
            CHECK(carrier.armed() == 0);
            ramie::this_fiber::sleep_for(1h);
        });
        CHECK_FALSE(outer.has_value());
        CHECK(passed() == 3s);
    });
}

TEST_CASE("timeout: an inner one lets the outer and earlier one pass") {
    in_task([](one_thread_carrier&) {
        stopwatch const passed;
        bool left = true;
        auto const outer = ramie::timeout(1s, [&] {
            (void)ramie::timeout(3s, [] {
                return ramie::timeout(2s, [] { ramie::this_fiber::sleep_for(1h); });
            });
            left = false;
        });
        CHECK_FALSE(outer.has_value());
        CHECK(left);
        CHECK(passed() == 1s);
    });
}

TEST_CASE("timeout: of two with one deadline, the inner one catches; the outer one's comes at the next wait") {
    in_task([](one_thread_carrier&) {
        stopwatch const passed;
        bool went_on = false;
        auto const outer = ramie::timeout(1s, [&] {
            auto const inner = ramie::timeout(1s, [] { ramie::this_fiber::sleep_for(1h); });
            CHECK_FALSE(inner.has_value());
            went_on = true;
            ramie::this_fiber::sleep_for(1h);
        });
        CHECK(went_on);
        CHECK_FALSE(outer.has_value());
        CHECK(passed() == 1s);
    });
}

TEST_CASE("timeout: is the fiber's own, not its children's") {
    in_task([](one_thread_carrier&) {
        ramie::join_handle<int> child;
        auto const ended = ramie::timeout(1s, [&] {
            child = ramie::spawn([] {
                ramie::this_fiber::sleep_for(5s);
                return 5;
            });
            return child.get();
        });
        CHECK_FALSE(ended.has_value());
        CHECK(child.get() == 5);
    });
}

// --- a wait's own limit ---

TEST_CASE("timeout: a wait's own limit, if it comes first or at the same time, is the wait's own answer") {
    in_task([](one_thread_carrier& carrier) {
        ramie::notify n;
        ramie::mutex m;
        ramie::condition_variable c;
        auto child = ramie::spawn([] { ramie::this_fiber::sleep_for(10s); });
        stopwatch const passed;
        for (auto const limit : {1s, 2s}) {
            auto const before = passed();
            CHECK(ramie::timeout(2s, [&] { return n.wait_for(limit); }) == false);
            CHECK(ramie::timeout(2s, [&] { return child.wait_for(limit); }) == false);
            CHECK(ramie::timeout(2s, [&] { ramie::this_fiber::sleep_for(limit); }).has_value());
            CHECK(ramie::timeout(2s, [&] {
                      std::unique_lock lock(m);
                      return c.wait_for(lock, limit);
                  }) == std::cv_status::timeout);
            CHECK(passed() - before == 4 * limit);
            CHECK(carrier.armed() == (child.is_finished() ? 0 : 1));
        }
        child.get();
    });
}

TEST_CASE("timeout: an outer one that comes before the wait's own limit throws") {
    in_task([](one_thread_carrier&) {
        ramie::notify n;
        auto child = ramie::spawn([] { ramie::this_fiber::sleep_for(10s); });
        stopwatch const passed;
        CHECK_FALSE(ramie::timeout(1s, [&] { return n.wait_for(2s); }).has_value());
        CHECK_FALSE(ramie::timeout(1s, [&] { return child.wait_for(2s); }).has_value());
        CHECK_FALSE(ramie::timeout(1s, [&] { ramie::this_fiber::sleep_for(2s); }).has_value());
        CHECK(passed() == 3s);
        child.get();
    });
}

// --- what happens in the same moment ---

TEST_CASE("timeout: a result that was there first wins, though the task runs after the deadline") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify n;
        auto task = ramie::spawn([&] {
            return ramie::timeout(1s, [&] {
                n.wait();
                return 5;
            });
        });
        carrier.drain();
        n.notify_one();
        carrier.advance(2s);
        CHECK(carrier.armed() == 0);
        carrier.drain();
        CHECK(task.get() == 5);
    });
}

TEST_CASE("timeout: a notification that comes after the deadline goes to somebody else") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify n;
        auto task = ramie::spawn([&] {
            return ramie::timeout(1s, [&] {
                n.wait();
                return 5;
            });
        });
        auto other = ramie::spawn([&] { n.wait(); });
        carrier.drain();
        carrier.advance(1s);
        n.notify_one();
        carrier.drain();
        CHECK_FALSE(task.get().has_value());
        CHECK(other.is_finished());
        other.get();
    });
}

TEST_CASE("timeout: an abort wins over it, in whatever order they come before the task runs") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const abort_first : {true, false}) {
            CAPTURE(abort_first);
            for (auto const& [what, wait] : places::all()) {
                CAPTURE(what);
                places p;
                p.child = ramie::spawn([] { ramie::this_fiber::sleep_for(std::chrono::hours::max()); });
                std::string thrown;
                auto task = ramie::spawn([&] {
                    return ramie::timeout(1s, [&] {
                        try {
                            wait(p);
                        } catch (ramie::deadline_passed const&) {
                            thrown += 'd';
                            throw;
                        } catch (ramie::aborted const&) {
                            thrown += 'a';
                            throw;
                        }
                    });
                });
                carrier.drain();
                if (abort_first) task.abort();
                carrier.advance(1s);
                if (!abort_first) task.abort();
                carrier.drain();
                CHECK(thrown == "a");
                CHECK(task.join().error().is_cancelled());
                p.child.abort();
                carrier.drain();
            }
        }
    });
}

// --- durations ---

TEST_CASE("timeout: a duration beyond all time arms nothing") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::notify n;
        auto const with_limit = [&](auto limit) {
            auto task = ramie::spawn([&n, limit] {
                return ramie::timeout(limit, [&] {
                    n.wait();
                    return 5;
                });
            });
            carrier.drain();
            CHECK(carrier.armed() == 0);
            n.notify_one();
            carrier.drain();
            CHECK(task.get() == 5);
        };
        with_limit(std::chrono::hours::max());
        with_limit(std::chrono::nanoseconds::max());
        with_limit(std::chrono::duration<double>(1e300));
        with_limit(std::chrono::years(1000));
    });
}

TEST_CASE("timeout: a point in time of any clock and grain, far away or long gone") {
    in_task([](one_thread_carrier& carrier) {
        using steady = std::chrono::steady_clock;
        using system = std::chrono::system_clock;
        using coarse = std::chrono::time_point<steady, std::chrono::hours>;
        using coarse_system = std::chrono::time_point<system, std::chrono::hours>;
        using floating = std::chrono::time_point<steady, std::chrono::duration<double>>;
        auto other = ramie::spawn([&] {
            ramie::this_fiber::yield();
            CHECK(carrier.armed() == 0);
        });
        ramie::notify n;
        auto const far = [&](auto t) {
            auto waiter = ramie::spawn([&n, t] { return n.wait_until(t); });
            ramie::this_fiber::yield();
            CHECK(carrier.armed() == 0);
            n.notify_one();
            CHECK(waiter.get());
        };
        far(steady::time_point::max());
        far(coarse::max());
        far(coarse(std::chrono::hours(1'000'000'000)));
        far(floating(std::chrono::duration<double>(1e300)));
        far(system::time_point::max());
        far(coarse_system::max());
        auto const gone = [&](auto t) { CHECK_FALSE(n.wait_until(t)); };
        gone(steady::time_point::min());
        gone(coarse::min());
        gone(coarse(std::chrono::hours(-1'000'000'000)));
        gone(system::time_point::min());
        gone(coarse_system::min());
        gone(floating(std::chrono::duration<double>(-1e300)));
        other.get();
    });
}

TEST_CASE("timeout: coarse and floating durations are not cut short") {
    in_task([](one_thread_carrier&) {
        stopwatch const passed;
        ramie::this_fiber::sleep_for(std::chrono::duration<double>(0.25));
        CHECK(passed() == 250ms);
        ramie::this_fiber::sleep_for(std::chrono::minutes(1));
        CHECK(passed() == 60'250ms);
        ramie::this_fiber::sleep_for(std::chrono::duration<double, std::nano>(0.1));
        CHECK(passed() == 60'250ms + 1ns);
    });
}

TEST_CASE("timeout: a callable's reference comes back as one, and a reference to a temporary's place as a value") {
    in_task([](one_thread_carrier&) {
        struct only_one {
            int n = 0;
            only_one() = default;
            only_one(only_one&&) = default;
        };
        only_one lent;
        auto const got = ramie::timeout(1s, [&]() -> only_one& { return lent; });
        static_assert(std::is_same_v<decltype(got), std::expected<std::reference_wrapper<only_one>, ramie::timed_out> const>);
        REQUIRE(got);
        CHECK(&got->get() == &lent);
        only_one const& looked_at = lent;
        CHECK(&ramie::timeout(1s, [&]() -> only_one const& { return looked_at; })->get() == &lent);
        CHECK_FALSE(ramie::timeout(1s, [&]() -> only_one& { return ramie::this_fiber::sleep_for(2s), lent; }));
        std::string text = "moved";
        CHECK(ramie::timeout(1s, [&]() -> std::string&& { return std::move(text); }) == "moved");
        CHECK(text.empty());
    });
}
