// A runtime with nothing to do makes no system calls: none of its threads switches context once housekeeping has run
// out.
#include <ramie/block_in_place.hpp>
#include <ramie/detail/stack/stack.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

// Voluntary context switches of each thread whose name begins so.
std::map<std::string, long> switches_of(std::string const& name) {
    std::map<std::string, long> found;
    for (auto const& thread : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(thread.path() / "status");
        std::string line;
        bool ours = false;
        while (std::getline(status, line)) {
            if (line.starts_with("Name:\t" + name)) ours = true;
            if (ours && line.starts_with("voluntary_ctxt_switches:"))
                found[thread.path().filename()] = std::stol(line.substr(line.find('\t')));
        }
    }
    return found;
}

struct short_decay {
    short_decay() { ramie::detail::set_stack_decay(20ms); }
    ~short_decay() { ramie::detail::set_stack_decay(ramie::detail::default_stack_decay); }
};

bool falls_quiet() {
    std::this_thread::sleep_for(2500ms);  // the flush after half a second, the decay, the monitor's second
    for (int attempt = 0; attempt < 5; ++attempt) {
        auto const before = switches_of("quiet");
        std::this_thread::sleep_for(1s);
        auto const after = switches_of("quiet");
        if (before == after && !before.empty()) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("idle: a runtime without work falls quiet, and stays so, and can be woken again") {
    short_decay const decay;
    ramie::runtime rt({.workers = 3, .thread_name = "quiet"});
    for (int round = 0; round < 2; ++round) {
        CAPTURE(round);
        rt.block_on([] {
            std::vector<ramie::join_handle<void>> tasks;
            for (int i = 0; i < 200; ++i) tasks.push_back(ramie::spawn([] { ramie::this_fiber::sleep_for(1ms); }));
            for (auto& t : tasks) t.get();
        });
        CHECK(falls_quiet());
        CHECK(switches_of("quiet").size() == 3);
        CHECK(rt.metrics().stacks.live == 0);
        CHECK(rt.metrics().stacks.cached == 0);
    }
}

TEST_CASE("idle: tasks that only wait, also for a far deadline, do not keep it awake") {
    short_decay const decay;
    ramie::runtime rt({.workers = 2, .thread_name = "quiet"});
    auto sleeper = rt.spawn([] { ramie::this_fiber::sleep_for(1h); });
    CHECK(falls_quiet());
    CHECK_FALSE(sleeper.is_finished());
}

namespace {

long monitor_switches() {
    long sum = 0;
    for (auto const& [thread, count] : switches_of("ramie-monitor")) sum += count;
    return sum;
}

// True if f(), which takes a while, can run without more switches of the monitor than `most`. (On a busy machine a worker
// may be kept from its sleep, and is watched meanwhile.)
template <class F>
bool monitor_rests(long most, F&& f) {
    for (int attempt = 0; attempt < 5; ++attempt) {
        auto const before = monitor_switches();
        f();
        auto const switches = monitor_switches() - before;
        if (switches <= most) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("idle: the monitor rests between the ticks of a task that sleeps in a loop") {
    for (unsigned workers : {1u, 2u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        CHECK(monitor_rests(3 * 10, [&] {
            rt.block_on([] {
                for (int tick = 0; tick < 10; ++tick) ramie::this_fiber::sleep_for(100ms);
            });
        }));
    }
}

TEST_CASE("idle: the monitor looks less and less often at a task that blocks its thread while nothing waits, or is lent") {
    for (unsigned workers : {1u, 2u}) {
        for (bool lent : {false, true}) {
            CAPTURE(workers);
            CAPTURE(lent);
            ramie::runtime rt({.workers = workers});
            std::promise<void> end;
            auto blocked = rt.spawn([&] {
                if (lent) ramie::block_in_place([&] { end.get_future().wait(); });
                else end.get_future().wait();
            });
            CHECK(monitor_rests(30, [] { std::this_thread::sleep_for(1500ms); }));
            // It notices all the same what comes after.
            std::promise<void> more;
            auto waits = rt.spawn([&] { more.get_future().wait(); });
            auto frees = rt.spawn([&] { more.set_value(); });
            waits.get();
            frees.get();
            end.set_value();
            blocked.get();
        }
    }
}
