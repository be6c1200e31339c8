// Suspending inside a catch block and inside a destructor during unwinding, and going on in another thread: the C++
// runtime's idea of what is thrown and caught must come along, exactly.
#include "chance.hpp"
#include "environment.hpp"

#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

RAMIE_NOIPA pid_t this_thread() { return ::gettid(); }

// What goes wrong is counted: assertions are for the test's own thread.
struct score {
    std::atomic<int> wrong{0}, migrated{0};
    void expect(bool right) {
        if (!right) ++wrong;
    }
    void suspend() {
        auto const before = this_thread();
        ramie::this_fiber::sleep_for(5us);
        if (this_thread() != before) ++migrated;
    }
};

std::string current_text() {
    auto const now = std::current_exception();
    if (!now) return "";
    try {
        std::rethrow_exception(now);
    } catch (std::exception const& e) {
        return e.what();
    } catch (int i) {
        return std::to_string(i);
    }
}

// Suspends while it is destroyed, by unwinding or not.
struct suspends_when_destroyed {
    score& s;
    int uncaught;  // how many must be in flight then
    std::string caught;
    ~suspends_when_destroyed() {
        s.expect(std::uncaught_exceptions() == uncaught);
        s.expect(current_text() == caught);
        ramie::abort_shield const whole;
        s.suspend();
        s.expect(std::uncaught_exceptions() == uncaught);
        s.expect(current_text() == caught);
        try {  // a whole exception of its own, on top
            s.suspend();
            throw 7;
        } catch (int i) {
            s.suspend();
            s.expect(i == 7 && current_text() == "7" && std::uncaught_exceptions() == uncaught);
        }
        s.expect(current_text() == caught && std::uncaught_exceptions() == uncaught);
    }
};

void in_catch_blocks(score& s, std::string const& name) {
    try {
        throw std::runtime_error(name);
    } catch (std::runtime_error const& outer) {
        s.suspend();
        s.expect(outer.what() == name && current_text() == name);
        try {
            s.suspend();
            throw std::logic_error(name + "/inner");
        } catch (std::logic_error const& inner) {
            s.suspend();
            s.expect(inner.what() == name + "/inner" && current_text() == name + "/inner");
            s.expect(std::uncaught_exceptions() == 0);
        }
        s.suspend();
        s.expect(current_text() == name);
        try {
            s.suspend();
            throw;  // the one caught before all those threads
        } catch (std::exception const& again) {
            s.suspend();
            s.expect(&again == &outer && current_text() == name);
        }
    }
    s.expect(!std::current_exception() && std::uncaught_exceptions() == 0);
}

void in_destructors(score& s, std::string const& name) {
    { suspends_when_destroyed const not_unwinding{s, 0, ""}; }
    try {
        suspends_when_destroyed const a{s, 1, ""};
        suspends_when_destroyed const b{s, 1, ""};
        s.suspend();
        throw std::runtime_error(name);
    } catch (std::runtime_error const& e) {
        s.expect(e.what() == name);
        try {
            suspends_when_destroyed const in_catch{s, 1, name};
            throw 3;
        } catch (int) {
            s.expect(current_text() == "3");
        }
        s.expect(current_text() == name);
    }
    s.expect(!std::current_exception() && std::uncaught_exceptions() == 0);
}

void leaves_by_exception(score& s, std::string const& name) {
    auto child = ramie::spawn([&] {
        suspends_when_destroyed const local{s, 1, ""};
        s.suspend();
        throw std::runtime_error(name);
    });
    try {
        s.suspend();
        child.get();
        s.expect(false);
    } catch (std::runtime_error const& e) {
        s.suspend();
        s.expect(e.what() == name && current_text() == name);
    }
}

void aborted_and_timed_out(score& s) {
    auto child = ramie::spawn([&] {
        suspends_when_destroyed const local{s, 1, ""};
        ramie::this_fiber::sleep_for(1h);
    });
    s.suspend();
    s.suspend();
    s.expect(!child.abort_and_join().has_value());
    auto const late = ramie::timeout(20us, [&] {
        suspends_when_destroyed const local{s, 1, ""};
        ramie::this_fiber::sleep_for(1h);
    });
    s.expect(!late.has_value());
    s.expect(!std::current_exception() && std::uncaught_exceptions() == 0);
}

void many_at_once(unsigned workers, score& s) {
    ramie::run({.workers = workers}, [&] {
        std::vector<ramie::join_handle<void>> tasks;
        for (int t = 0; t < 16; ++t) {
            tasks.push_back(ramie::spawn([&s, t] {
                for (int i = 0; i < static_cast<int>(rounds(40)); ++i) {
                    auto const name = std::to_string(t) + "." + std::to_string(i);
                    in_catch_blocks(s, name);
                    in_destructors(s, name);
                    leaves_by_exception(s, name);
                    aborted_and_timed_out(s);
                }
            }));
        }
        for (auto& t : tasks) t.get();
    });
}

}  // namespace

TEST_CASE("exceptions: caught and in flight are exact over suspensions that end in another thread") {
    forced_migration const on;
    for (unsigned workers : {2u, 4u}) {
        CAPTURE(workers);
        score s;
        many_at_once(workers, s);
        CHECK(s.wrong.load() == 0);
        CHECK(s.migrated.load() > 0);
    }
}

TEST_CASE("exceptions: caught and in flight are exact among the tasks of one thread") {
    score s;
    many_at_once(1, s);
    CHECK(s.wrong.load() == 0);
    CHECK(s.migrated.load() == 0);
}

TEST_CASE("exceptions: an abort is not thrown into a destructor that waits while unwinding") {
    forced_migration const on;
    std::atomic<int> finished{0};
    ramie::run({.workers = 2}, [&] {
        for (int i = 0; i < 200; ++i) {
            struct waits {
                std::atomic<int>& n;
                ~waits() {
                    ramie::this_fiber::sleep_for(20us);  // masked by the unwinding
                    ramie::this_fiber::yield();
                    ++n;
                }
            };
            auto task = ramie::spawn([&] {
                waits const local{finished};
                throw std::runtime_error("mine");
            });
            ramie::this_fiber::yield();
            auto const end = task.abort_and_join();
            if (end.has_value()) throw std::logic_error("returned");
            if (end.error().is_cancelled()) ++finished;  // it had not started
        }
    });
    CHECK(finished.load() == 200);
}
