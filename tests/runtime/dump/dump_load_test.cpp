// Dumps while everything moves: tasks that are woken, joined, aborted and end while they are looked at; a runtime that
// ends.
#include "chance.hpp"

#include <ramie/channel.hpp>
#include <ramie/dump.hpp>
#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

std::string dumped(ramie::dump_options const& options = {}) {
    std::ostringstream out;
    ramie::dump(out, options);
    return out.str();
}

// A tree of tasks that wait in several ways, and some of which are aborted or fail.
void some_life(chance& luck, ramie::mutex& common, int depth) {
    std::vector<ramie::join_handle<void>> children;
    for (auto n = depth > 0 ? 1 + luck.below(4) : 0; n > 0; --n)
        children.push_back(ramie::spawn([seed = luck.next(), &common, depth] {
            chance own(seed);
            some_life(own, common, depth - 1);
        }));
    switch (luck.below(6)) {
    case 0: ramie::this_fiber::yield(); break;
    case 1: ramie::this_fiber::sleep_for(std::chrono::microseconds(luck.below(300))); break;
    case 2: {
        std::lock_guard const held(common);
        ramie::this_fiber::yield();
        break;
    }
    case 3: {
        auto [tx, rx] = ramie::channel<int>(1);
        auto child = ramie::spawn([tx = std::move(tx)]() mutable { (void)tx.send(1); });
        (void)rx.receive();
        (void)child.join();
        break;
    }
    case 4: try { ramie::timeout(100us, [] { ramie::this_fiber::sleep_for(1h); });
        } catch (ramie::timed_out const&) {}
        break;
    default: break;
    }
    for (auto& c : children) {
        if (luck.one_in(4)) c.abort();
        (void)c.join();
    }
}

// `dumps()` runs beside two workers at full speed.
template <class Dumps>
void beside_much_life(Dumps dumps) {
    ramie::runtime carrier({.workers = 2, .on_task_failure = [](ramie::join_error const&) {}});
    std::atomic<bool> over{false};
    std::atomic<std::size_t> trees{0};
    ramie::mutex common;
    std::vector<ramie::join_handle<void>> roots;
    for (std::uint64_t i = 0; i < 4; ++i) {
        roots.push_back(carrier.spawn([&, i] {
            chance luck(i);
            while (!over) {
                some_life(luck, common, 4);
                ++trees;
            }
        }));
    }
    dumps(carrier);
    auto const before = trees.load();
    while (trees == before) std::this_thread::yield();  // life goes on
    over = true;
    for (auto& r : roots) CHECK(r.join().has_value());
    CHECK(common.try_lock());
    common.unlock();
}

auto until() {
    return std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(2s * scale());
}

}  // namespace

TEST_CASE("dump under load: tasks are woken, aborted and end while they are looked at, and none is lost") {
    beside_much_life([](ramie::runtime&) {
        std::size_t dumps = 0;
        for (auto const end = until(); std::chrono::steady_clock::now() < end || dumps < 3; ++dumps) {
            auto const text = dumped({.each_task = dumps % 2 == 0});
            CHECK(text.find("end of the dump") != std::string::npos);
            CHECK(text.find("DEADLOCK") == std::string::npos);
        }
        MESSAGE(dumps, " dumps");
    });
}

TEST_CASE("dump under load: several at once, from fibers and threads") {
    beside_much_life([](ramie::runtime& carrier) {
        auto const end = until();
        auto const some = [end] {
            for (int i = 0; i < 2 || std::chrono::steady_clock::now() < end; ++i)
                if (dumped().find("end of the dump") == std::string::npos)
                    throw std::logic_error("a dump is not whole");
        };
        std::jthread thread(some);
        auto in_fiber = carrier.spawn(some);
        auto in_other = carrier.spawn(some);
        in_fiber.get();
        in_other.get();
    });
}

TEST_CASE("dump under load: a runtime that ends while it is looked at") {
    std::atomic<bool> over{false};
    std::jthread looks([&] {
        while (!over) CHECK(dumped({.each_task = true}).find("end of the dump") != std::string::npos);
    });
    for (std::size_t i = 0; i < rounds(100); ++i) {
        ramie::runtime carrier({.workers = 2});
        for (int n = 0; n < 50; ++n) (void)carrier.spawn([] { ramie::this_fiber::sleep_for(1h); });
        carrier.block_on([] { ramie::this_fiber::yield(); });
        CHECK(carrier.shutdown(10s).empty());
    }
    over = true;
}

TEST_CASE("dump under load: a wait is looked at again and again, and ends as it would have") {
    ramie::runtime carrier({.workers = 2});
    std::atomic<bool> over{false};
    std::jthread looks([&] {
        while (!over) (void)dumped({.backtraces = false});
    });
    carrier.block_on([] {
        auto [tx, rx] = ramie::channel<std::size_t>(1);
        auto sender = ramie::spawn([tx = std::move(tx)]() mutable {
            for (std::size_t i = 0; i < rounds(200'000); ++i)
                if (!tx.send(i)) return;
        });
        for (std::size_t i = 0; i < rounds(200'000); ++i) {
            auto const got = rx.receive();
            if (got != i) throw std::logic_error("a message is lost");
        }
        (void)sender.join();
    });
    over = true;
}

TEST_CASE("dump: a handler for SIGURG that was there is called for the signals that are not ours") {
    static std::atomic<int> called{0};
    struct sigaction theirs {
    }, before{};
    theirs.sa_handler = [](int) { ++called; };
    ::sigaction(SIGURG, &theirs, &before);
    ::raise(SIGURG);
    CHECK(called == 1);
    ::sigaction(SIGURG, &before, nullptr);
}
