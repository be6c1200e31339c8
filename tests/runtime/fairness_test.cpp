// Nobody starves: whoever keeps a worker busy by yielding, or by waking each other, leaves time for the others. All by
// counts: the busy ones give up after so many rounds.
#include "chance.hpp"
#include "environment.hpp"

#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

// The yields of all of them together: some ten thousand times what the runtime may need before it looks at the world.
constexpr int patience = 3'000'000;

// Others that keep a runtime of one worker busy until `done`, or until their patience ends.
struct busy {
    std::atomic<bool> done{false};
    std::atomic<bool> gave_up{false};
    int rounds = 0;
    bool goes_on() {
        if (++rounds > patience) gave_up = true;
        return !done.load(std::memory_order_relaxed) && !gave_up.load(std::memory_order_relaxed);
    }
};

void yielders(busy& b, int n) {
    for (int i = 0; i < n; ++i) {
        ramie::spawn([&b] {
            while (b.goes_on()) ramie::this_fiber::yield();
        }).detach();
    }
}

// Two tasks that wake each other through the next-slot, and wait.
void ping_pong(busy& b, ramie::notify& ping, ramie::notify& pong) {
    ramie::spawn([&] {
        while (b.goes_on()) {
            ping.notify_one();
            pong.wait();
        }
        ping.notify_one();
    }).detach();
    ramie::spawn([&] {
        while (b.goes_on()) {
            ping.wait();
            pong.notify_one();
        }
        pong.notify_one();
    }).detach();
}

enum class crowd { two_yielders, ping_pong, full_ring, more_than_a_ring };

// Runs `guest` on one worker that is kept busy; true if it ended before the others lost patience.
bool is_served(crowd who, std::function<void(ramie::runtime&)> const& guest) {
    ramie::notify ping, pong;
    busy b;
    {
        ramie::runtime rt({.workers = 1});
        rt.block_on([&] {
            switch (who) {
                case crowd::two_yielders: yielders(b, 2); break;
                case crowd::ping_pong: ping_pong(b, ping, pong); break;
                case crowd::full_ring: yielders(b, 256); break;  // as many as the ring holds: it is never less than full
                case crowd::more_than_a_ring: yielders(b, 700); break;
            }
        });
        guest(rt);
        b.done = true;
        rt.block_on([&] {
            while (rt.metrics().live_tasks > 1) ramie::this_fiber::yield();
        });
    }
    return !b.gave_up.load();
}

constexpr crowd crowds[] = {crowd::two_yielders, crowd::ping_pong, crowd::full_ring, crowd::more_than_a_ring};

}  // namespace

TEST_CASE("fairness: a deadline fires while others keep the worker busy") {
    for (auto who : crowds) {
        CAPTURE(static_cast<int>(who));
        CHECK(is_served(who, [](ramie::runtime& rt) {
            rt.block_on([] { ramie::this_fiber::sleep_for(1ms); });
        }));
    }
}

TEST_CASE("fairness: a spawn from a foreign thread runs while others keep the worker busy") {
    for (auto who : crowds) {
        CAPTURE(static_cast<int>(who));
        CHECK(is_served(who, [](ramie::runtime& rt) { rt.spawn([] {}).get(); }));
    }
}

TEST_CASE("fairness: a task woken by a foreign thread runs while others keep the worker busy") {
    for (auto who : crowds) {
        CAPTURE(static_cast<int>(who));
        CHECK(is_served(who, [](ramie::runtime& rt) {
            ramie::notify go;
            auto task = rt.spawn([&] { go.wait(); });
            std::this_thread::sleep_for(1ms);
            go.notify_one();
            task.get();
        }));
    }
}

TEST_CASE("fairness: a task spawned inside runs while others keep the worker busy") {
    for (auto who : crowds) {
        CAPTURE(static_cast<int>(who));
        CHECK(is_served(who, [](ramie::runtime& rt) {
            rt.block_on([] {
                std::atomic<int> ran{0};
                for (int i = 0; i < 10; ++i) ramie::spawn([&] { ++ran; }).detach();
                while (ran < 10) ramie::this_fiber::sleep_for(100us);
            });
        }));
    }
}

TEST_CASE("fairness: a pinned task runs while others keep the worker busy") {
    for (auto who : crowds) {
        CAPTURE(static_cast<int>(who));
        CHECK(is_served(who, [](ramie::runtime& rt) {
            rt.spawn({.pinned = true}, [] {
                  for (int i = 0; i < 100; ++i) ramie::this_fiber::yield();
              }).get();
        }));
    }
}

TEST_CASE("fairness: the oldest spawn runs although new ones never end") {
    std::atomic<bool> ran{false}, stop{false};
    std::atomic<std::size_t> spawned{0};
    std::function<void()> breed = [&] {
        if (stop.load() || spawned.fetch_add(1) > 50'000'000) return;
        ramie::spawn(breed).detach();  // newest first: these alone would keep the worker busy
        ramie::spawn(breed).detach();
        if (spawned.load() > 10'000) stop.store(ran.load());
    };
    ramie::run({.workers = 1}, [&] {
        ramie::spawn([&] { ran = true; }).detach();
        for (int i = 0; i < 2; ++i) ramie::spawn(breed).detach();
        while (!ran && spawned.load() < 50'000'000) ramie::this_fiber::sleep_for(1ms);
        stop = true;
    });
    CHECK(ran.load());
}

TEST_CASE("fairness: yielding tasks share a worker evenly, whatever their number") {
    no_forced_migration const unset;
    for (std::size_t n : {2u, 3u, 255u, 256u, 257u, 600u}) {
        CAPTURE(n);
        std::vector<std::size_t> turns(n);
        std::size_t least = 0;
        ramie::run({.workers = 1}, [&] {
            bool stop = false;
            std::size_t started = 0;
            std::vector<ramie::join_handle<void>> tasks;
            for (std::size_t i = 0; i < n; ++i) {
                tasks.push_back(ramie::spawn([&, i] {
                    ++started;
                    while (!stop) {
                        if (started == n) ++turns[i];
                        ramie::this_fiber::yield();
                    }
                }));
            }
            while (turns[0] < 1000) ramie::this_fiber::yield();
            stop = true;
            for (auto& t : tasks) t.get();
            least = *std::ranges::min_element(turns);
        });
        // First in, first out; a full ring sends half of itself round by the injection queue now and then.
        CHECK(least >= 300);
    }
}
