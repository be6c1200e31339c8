// Nobody starves: whoever keeps a worker busy by yielding, or by waking each other, leaves time for the others. All by
// counts: the busy ones give up after so many rounds.
#include "chance.hpp"
#include "environment.hpp"

#include <ramie/channel.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
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

namespace {

// Two that wake each other over two channels, as long as goes_on() says.
void channel_pair(std::function<bool()> goes_on) {
    auto [to, from] = ramie::channel<int>(1);
    auto [back, answers] = ramie::channel<int>(1);
    ramie::spawn([to = std::move(to), answers = std::move(answers), goes_on]() mutable {
        while (goes_on()) {
            (void)to.send(1);
            (void)answers.receive();
        }
    }).detach();
    ramie::spawn([back = std::move(back), from = std::move(from)]() mutable {
        while (from.receive()) (void)back.send(1);
    }).detach();
}

}  // namespace

// The bound: some hundred picks, of which the woken ones are three quarters at the most.
TEST_CASE("fairness: a hundred tasks spawned beside a pair that wakes each other start within some hundred picks") {
    int const rounds = ramie::run({.workers = 1}, [] {
        int turns = 0;
        bool stop = false;
        channel_pair([&] { return ++turns < patience && !stop; });
        while (turns < 1000) ramie::this_fiber::yield();
        int const before = turns;
        std::vector<ramie::join_handle<void>> spawned;
        for (int i = 0; i < 100; ++i) spawned.push_back(ramie::spawn([] {}));
        for (auto& t : spawned) t.get();
        stop = true;
        return turns - before;
    });
    CHECK(rounds <= 1000);
}

TEST_CASE("fairness: spawned tasks start beside as many pairs as there are workers") {
    std::atomic<bool> stop{false}, gave_up{false};
    ramie::run({.workers = 2}, [&] {
        for (int i = 0; i < 2; ++i) {
            channel_pair([&, turns = 0]() mutable {
                if (++turns >= patience) gave_up = true;
                return !stop && !gave_up;
            });
        }
        for (int i = 0; i < 10; ++i) {
            std::vector<ramie::join_handle<void>> spawned;
            for (int k = 0; k < 100; ++k) spawned.push_back(ramie::spawn([] {}));
            for (auto& t : spawned) t.get();
        }
        stop = true;
    });
    CHECK_FALSE(gave_up.load());
}

// A loop that spawns and joins takes only the newest; what was spawned before it must start all the same.
TEST_CASE("fairness: old spawns start beside a task that spawns and joins without an end") {
    int const rounds = ramie::run({.workers = 1}, [] {
        int started = 0, turns = 0;
        for (int i = 0; i < 100; ++i) ramie::spawn([&] { ++started; }).detach();
        for (; started < 100 && turns < patience; ++turns) ramie::spawn([] {}).get();
        return turns;
    });
    CHECK(rounds < patience);
}

namespace {

// A deadline elsewhere is met, and a timeout round the loop itself ends it, although the loop never has to wait.
template <class Loop>
void is_no_hog(Loop loop) {
    std::atomic<bool> over{false};
    int rounds = 0;
    auto const goes_on = [&] { return !over.load(std::memory_order_relaxed) && ++rounds < patience; };
    ramie::run({.workers = 1}, [&] {
        ramie::spawn([&] { loop(goes_on); }).detach();
        ramie::this_fiber::sleep_for(10ms);
        over = true;
    });
    CHECK(rounds < patience);
    over = false;
    rounds = 0;
    bool const ended = ramie::run({.workers = 1}, [&] { return !ramie::timeout(10ms, [&] { loop(goes_on); }); });
    CHECK(ended);
}

}  // namespace

TEST_CASE("fairness: a loop over a channel that is always ready is no hog") {
    is_no_hog([](auto& goes_on) {
        auto [tx, rx] = ramie::channel<int>(1);
        while (goes_on()) {
            (void)tx.send(1);
            (void)rx.receive();
        }
    });
}

TEST_CASE("fairness: nor is one over a mutex that nobody else wants") {
    is_no_hog([](auto& goes_on) {
        ramie::mutex m;
        while (goes_on()) std::lock_guard const held(m);
    });
}

TEST_CASE("fairness: nor is one that yields until it gets a lock") {
    is_no_hog([](auto& goes_on) {
        ramie::mutex m;
        std::lock_guard const held(m);
        while (goes_on() && !m.try_lock()) ramie::this_fiber::yield();
    });
}

TEST_CASE("fairness: nor is one that sleeps for no time") {
    is_no_hog([](auto& goes_on) {
        while (goes_on()) ramie::this_fiber::sleep_for(0s);
    });
    is_no_hog([](auto& goes_on) {
        while (goes_on()) ramie::this_fiber::sleep_for(1ns);
    });
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
        // No spare: the tasks share variables without locks.
        ramie::run({.workers = 1, .stall_threshold = 1h}, [&] {
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
