// Exceptions from destructors of what tasks have.
#include "child_process.hpp"

#include <ramie/fiber_local.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

class throwing {
  public:
    throwing() = default;
    throwing(throwing&& other) noexcept : armed_(std::exchange(other.armed_, false)) {}
    ~throwing() noexcept(false) {
        if (armed_) throw std::runtime_error("from a destructor");
    }

  private:
    bool armed_ = true;
};

std::string message_of(ramie::join_error const& e) {
    if (!e.is_exception()) return "aborted";
    try {
        e.rethrow();
    } catch (std::exception const& what) { return what.what(); }
}

// f() is to end the process by std::terminate.
void check_terminates(std::function<void()> const& f) {
    auto const end = in_child([&] {
        std::set_terminate([] {
            (void)!::write(STDOUT_FILENO, "terminated", 10);
            ::_exit(7);
        });
        ramie::run({.workers = 2}, f);
    });
    CHECK_MESSAGE(end.exited_with(7), end.output);
    CHECK_MESSAGE(end.said("terminated"), end.output);
}

}  // namespace

TEST_CASE("throwing destructors: of a local where a task returns: the task fails by it, and the next is none the worse") {
    for (unsigned const workers : {1u, 2u})
        ramie::run({.workers = workers}, [] {
            for (int i = 0; i < 100; ++i) {
                auto failed = ramie::spawn([] { throwing const local; });
                auto const end = failed.join();
                REQUIRE(!end.has_value());
                CHECK(message_of(end.error()) == "from a destructor");
                CHECK(ramie::spawn([] { return std::uncaught_exceptions(); }).get() == 0);
            }
        });
}

TEST_CASE("throwing destructors: of a local that an abort unwinds: std::terminate, as with any other exception (forks)") {
    check_terminates([] {
        auto waits = ramie::spawn([] {
            throwing const local;
            ramie::this_fiber::sleep_for(1h);
        });
        ramie::this_fiber::yield();
        (void)waits.abort_and_join();
    });
    check_terminates([] {
        (void)ramie::spawn([] {
            throwing const local;
            throw std::runtime_error("the first");
        }).join();
    });
}

TEST_CASE("throwing destructors: one that catches its own exception while an abort unwinds lets the abort through") {
    ramie::run({.workers = 2}, [] {
        struct careful {
            ~careful() {
                try {
                    throwing const inner;
                } catch (std::runtime_error const&) { ramie::this_fiber::yield(); }
            }
        };
        ramie::notify waits;
        auto task = ramie::spawn([&] {
            careful const local;
            waits.notify_one();
            ramie::this_fiber::sleep_for(1h);
        });
        waits.wait();
        auto const end = task.abort_and_join();
        REQUIRE(!end.has_value());
        CHECK(end.error().is_cancelled());
    });
}

TEST_CASE("throwing destructors: of a callable, an argument, a result that nobody takes, a fiber_local: std::terminate (forks)") {
    check_terminates([] { (void)ramie::spawn([t = throwing()] {}).join(); });
    check_terminates([] { (void)ramie::spawn([](throwing const&) {}, throwing()).join(); });
    check_terminates([] {
        ramie::spawn([] { return throwing(); }).detach();
        ramie::this_fiber::sleep_for(1h);
    });
    check_terminates([] {
        static ramie::fiber_local<throwing> local([] { return throwing(); });
        ramie::spawn([] { (void)local.get(); }).get();
        ramie::this_fiber::sleep_for(1h);
    });
}
