// Tasks that block their OS threads, more of them than there are workers: whatever could go on does. Nothing here
// depends on how long it takes; what goes wrong hangs.
#include "child_process.hpp"
#include "environment.hpp"

#include <ramie/block_in_place.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using ramie::testing::no_forced_migration;

namespace {

// What tasks block in, each until open() was called: the standard library's waits, which know nothing of fibers.
class gate {
  public:
    enum class kind { future, latch, condition_variable };
    explicit gate(kind how = kind::future) : how_(how) {}
    ~gate() { std::lock_guard const held(mutex_); }  // lets the one who opened it out

    void pass() {
        ++blocked_;
        switch (how_) {
        case kind::future: return future_.wait();
        case kind::latch: return latch_.wait();
        case kind::condition_variable: {
            std::unique_lock held(mutex_);
            return changed_.wait(held, [&] { return open_; });
        }
        }
    }
    void open() {
        std::lock_guard const held(mutex_);
        open_ = true;
        promise_.set_value();
        latch_.count_down();
        changed_.notify_all();
    }
    // How many have come to it.
    unsigned blocked() const { return blocked_.load(); }
    void wait_for(unsigned count) const {
        while (blocked() < count) std::this_thread::sleep_for(100us);
    }

  private:
    kind how_;
    std::promise<void> promise_;
    std::shared_future<void> future_ = promise_.get_future().share();
    std::latch latch_{1};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    std::atomic<unsigned> blocked_{0};
};

std::vector<ramie::join_handle<void>> spawn_blocked(ramie::runtime& rt, gate& in, unsigned count) {
    std::vector<ramie::join_handle<void>> tasks;
    for (unsigned i = 0; i < count; ++i) tasks.push_back(rt.spawn([&in] { in.pass(); }));
    return tasks;
}

void join_all(std::vector<ramie::join_handle<void>>& tasks) {
    for (auto& t : tasks) t.get();
}

constexpr unsigned worker_counts[] = {1, 2, 4};

}  // namespace

TEST_CASE("rescue: a task spawned from outside runs though more tasks block than there are workers") {
    no_forced_migration const unset;
    for (unsigned workers : worker_counts) {
        for (unsigned more : {0u, 1u, 2u, 50u}) {
            for (auto how : {gate::kind::future, gate::kind::latch, gate::kind::condition_variable}) {
                CAPTURE(workers);
                CAPTURE(more);
                CAPTURE(static_cast<int>(how));
                ramie::runtime rt({.workers = workers, .stall_threshold = 2ms});
                gate closed(how);
                auto blocked = spawn_blocked(rt, closed, workers + more);
                closed.wait_for(workers + more);
                rt.spawn([&] { closed.open(); }).get();
                join_all(blocked);
            }
        }
    }
}

TEST_CASE(
    "rescue: as many tasks may block as there are workers and max_blocking_threads, less the one that frees them") {
    no_forced_migration const unset;
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        constexpr unsigned most = 100;
        ramie::runtime rt({.workers = workers, .max_blocking_threads = most, .stall_threshold = 2ms});
        gate closed;
        auto blocked = spawn_blocked(rt, closed, workers + most - 1);
        closed.wait_for(workers + most - 1);
        rt.spawn([&] { closed.open(); }).get();
        join_all(blocked);
    }
}

TEST_CASE(
    "rescue: a task that is woken from a plain thread, or by a deadline, runs while all workers and spares block") {
    no_forced_migration const unset;
    for (unsigned workers : worker_counts) {
        for (unsigned more : {0u, 3u}) {
            CAPTURE(workers);
            CAPTURE(more);
            ramie::runtime rt({.workers = workers, .stall_threshold = 2ms});
            gate first, second;
            ramie::notify go;
            auto woken = rt.spawn([&] {
                go.wait();
                first.open();
            });
            std::atomic<bool> asleep{false};
            auto sleeper = rt.spawn([&] {
                asleep = true;
                while (second.blocked() < workers + more) ramie::this_fiber::sleep_for(3ms);
                second.open();
            });
            while (!asleep) std::this_thread::yield();
            auto blocked = spawn_blocked(rt, first, workers + more);
            first.wait_for(workers + more);
            go.notify_one();
            woken.get();
            join_all(blocked);
            blocked = spawn_blocked(rt, second, workers + more);
            sleeper.get();
            join_all(blocked);
        }
    }
}

// The work that is to go on sits in a queue of a worker, or of a spare, that blocks right after. Each is done by all of
// them, one after the other, so that spares are among them.
TEST_CASE("rescue: what a blocked worker or spare has in its next-slot, ring and deque goes on") {
    no_forced_migration const unset;
    enum class where { next_slot, ring, deque };
    for (unsigned workers : worker_counts) {
        for (auto place : {where::next_slot, where::ring, where::deque}) {
            CAPTURE(workers);
            CAPTURE(static_cast<int>(place));
            ramie::runtime rt({.workers = workers, .stall_threshold = 2ms});
            unsigned const count = workers + 3;
            gate closed;
            std::atomic<unsigned> went_on{0};
            std::vector<ramie::notify> signals(2 * count);
            std::vector<ramie::join_handle<void>> tasks;
            std::atomic<unsigned> parked{0};
            if (place != where::deque) {
                for (auto& s : signals) {
                    tasks.push_back(rt.spawn([&] {
                        ++parked;
                        s.wait();
                        ++went_on;
                    }));
                }
                while (parked.load() < signals.size()) std::this_thread::yield();
            }
            for (unsigned i = 0; i < count; ++i) {
                tasks.push_back(rt.spawn([&, i] {
                    if (place == where::deque) {
                        for (int k = 0; k < 2; ++k) ramie::spawn([&] { ++went_on; }).detach();
                    } else {
                        signals[2 * i].notify_one();  // into the next-slot
                        // ... from where this drives it into the ring
                        if (place == where::ring) signals[2 * i + 1].notify_one();
                    }
                    closed.pass();
                }));
                closed.wait_for(i + 1);
            }
            unsigned const expected = place == where::next_slot ? count : 2 * count;
            while (went_on.load() < expected) std::this_thread::sleep_for(100us);
            CHECK(closed.blocked() == count);
            if (place == where::next_slot)
                for (unsigned i = 0; i < count; ++i) signals[2 * i + 1].notify_one();
            closed.open();
            join_all(tasks);
        }
    }
}

TEST_CASE("rescue: again and again, for the same workers") {
    no_forced_migration const unset;
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers, .stall_threshold = 1ms});
        for (int round = 0; round < 20; ++round) {
            gate closed;
            auto blocked = spawn_blocked(rt, closed, workers + 2);
            closed.wait_for(workers + 2);
            rt.spawn([&] { closed.open(); }).get();
            join_all(blocked);
            // They are usable, and nothing of the stall is left in them.
            CHECK(rt.block_on([] {
                long sum = 0;
                for (int i = 0; i < 100; ++i) {
                    ramie::this_fiber::yield();
                    sum += ramie::spawn([i] { return i; }).get();
                }
                return sum;
            }) == 99 * 100 / 2);
        }
    }
}

// What a blocked task wakes and spawns goes where others find it at once, not at the monitor's next look: the task
// waits for each of them, 6,000 times.
TEST_CASE("rescue: a task that blocks for long, and wakes and spawns others meanwhile, need not be rescued for each") {
    no_forced_migration const unset;
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers, .stall_threshold = 1ms});
        std::atomic<unsigned> turns{0};
        ramie::notify ping;
        auto partner = rt.spawn([&] {
            for (int i = 0; i < 3000; ++i) {
                ping.wait();
                ++turns;
                turns.notify_one();
            }
        });
        rt.spawn([&] {
              for (unsigned i = 0; i < 3000; ++i) {
                  ping.notify_one();
                  for (unsigned seen = turns.load(); seen == i; seen = turns.load()) turns.wait(seen);
                  std::promise<void> ran;
                  ramie::spawn([&] { ran.set_value(); }).detach();
                  ran.get_future().wait();
              }
          }).get();
        partner.get();
    }
}

TEST_CASE("rescue: a worker that always has work of its own does not leave what waits at a blocked one") {
    no_forced_migration const unset;
    ramie::runtime rt({.workers = 2, .max_blocking_threads = 1, .stall_threshold = 2ms});
    // The only spare is at work already: on a busy machine one would come where it need not.
    gate lent;
    auto lends = rt.spawn([&] { ramie::block_in_place([&] { lent.pass(); }); });
    lent.wait_for(1);
    std::atomic<bool> done{false}, is_busy{false};
    std::thread::id busy_one;
    auto busy = rt.spawn({.pinned = true}, [&] {
        busy_one = std::this_thread::get_id();
        is_busy = true;
        while (!done) ramie::this_fiber::yield();
    });
    while (!is_busy) std::this_thread::sleep_for(100us);
    gate closed;
    std::atomic<int> left{20};
    auto const block_the_other = [&] {
        if (std::this_thread::get_id() == busy_one) return false;
        for (int i = 0; i < 20; ++i) {
            ramie::spawn([&] {
                if (--left == 0) closed.open();
            }).detach();
        }
        closed.pass();
        return true;
    };
    while (!rt.spawn(block_the_other).get()) {}
    done = true;
    busy.get();
    lent.open();
    lends.get();
}

TEST_CASE("rescue: tasks that compute without a wait are stood in for too") {
    no_forced_migration const unset;
    for (unsigned workers : {1u, 2u}) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers, .stall_threshold = 1ms});
        std::atomic<bool> released{false};
        std::atomic<unsigned> computing{0};
        std::vector<ramie::join_handle<void>> hogs;
        for (unsigned i = 0; i < workers + 2; ++i) {
            hogs.push_back(rt.spawn([&] {
                ++computing;
                while (!released) ramie::detail::cpu_pause();
            }));
        }
        while (computing.load() < workers + 2) std::this_thread::sleep_for(100us);
        rt.spawn([&] { released = true; }).get();
        join_all(hogs);
    }
}

TEST_CASE("rescue: a task that computes is stood in for also where looks are too long to take it for a blocked one") {
    no_forced_migration const unset;
    ramie::runtime rt({.workers = 1, .stall_threshold = 50ms});
    std::atomic<bool> released{false}, computes{false};
    auto hog = rt.spawn([&] {
        computes = true;
        while (!released) ramie::detail::cpu_pause();
    });
    while (!computes) std::this_thread::sleep_for(100us);
    rt.spawn([&] { released = true; }).get();
    hog.get();
}

TEST_CASE("rescue: spares go off duty by themselves when the tasks have ended, and their threads are not left behind") {
    no_forced_migration const unset;
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers, .stall_threshold = 1ms});
        for (int round = 0; round < 3; ++round) {
            gate closed;
            auto blocked = spawn_blocked(rt, closed, workers + 8);
            closed.wait_for(workers + 8);
            CHECK(rt.metrics().spare_workers >= 8);
            closed.open();
            join_all(blocked);
            while (rt.metrics().spare_workers > 0) std::this_thread::sleep_for(1ms);  // and nobody posts anything
        }
    }
}

TEST_CASE("rescue: lent workers and blocked ones share the spares") {
    no_forced_migration const unset;
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers, .max_blocking_threads = 8, .stall_threshold = 1ms});
        gate lent, stuck;
        std::vector<ramie::join_handle<void>> tasks;
        for (unsigned i = 0; i < workers + 7; ++i) {
            tasks.push_back(rt.spawn([&, i] {
                if (i % 2 == 0)
                    ramie::block_in_place([&] { lent.pass(); });
                else
                    stuck.pass();
            }));
        }
        while (lent.blocked() + stuck.blocked() < workers + 7) std::this_thread::sleep_for(100us);
        rt.spawn([&] { stuck.open(); }).get();
        rt.spawn([&] { lent.open(); }).get();
        join_all(tasks);
        while (rt.metrics().spare_workers > 0) std::this_thread::sleep_for(1ms);
    }
}

TEST_CASE("rescue: where no further thread may come, the tasks that are in the way are named on stderr (forks)") {
    no_forced_migration const unset;
    auto const end = ramie::testing::in_child([] {
        ramie::runtime rt({.workers = 1, .max_blocking_threads = 2, .stall_threshold = 1ms});
        gate closed;
        std::vector<ramie::join_handle<void>> tasks;
        for (std::string const name : {"anna", "berta", "clara"})
            tasks.push_back(rt.spawn({.name = name}, [&] { closed.pass(); }));
        closed.wait_for(3);
        // Its end is the report's: nobody frees the tasks before.
        int ends[2];
        int const before = ::dup(STDERR_FILENO);
        if (::pipe(ends) != 0) return;
        ::dup2(ends[1], STDERR_FILENO);
        auto waiting = rt.spawn([] {});
        std::string said;
        // The names come in whatever order.
        auto const is_whole = [&] {
            auto const names = said.find("spawned at");
            return names != said.npos && said.find('\n', names) != said.npos;
        };
        for (char c; !is_whole() && ::read(ends[0], &c, 1) == 1;) said += c;
        ::dup2(before, STDERR_FILENO);
        closed.open();
        waiting.get();
        join_all(tasks);
        std::fputs(said.c_str(), stderr);
        std::fputs("all ended\n", stderr);
    });
    CAPTURE(end.output);
    CHECK(end.exited_with(0));
    CHECK(end.said("no worker is free"));
    CHECK(end.said("all 1 workers and 2 spares"));
    CHECK(end.said("\"anna\""));
    CHECK(end.said("\"berta\""));
    CHECK(end.said("\"clara\""));
    CHECK(end.said("rescue_test.cpp"));
    CHECK(end.said("all ended"));
}
