// What every mutex does: mutex, timed_mutex, recursive_mutex, recursive_timed_mutex, and shared_mutex for its writers.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/recursive_mutex.hpp>
#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timed_mutex.hpp>

#include <doctest/doctest.h>

#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

template <class M>
constexpr bool recursive = std::is_same_v<M, ramie::recursive_mutex> || std::is_same_v<M, ramie::recursive_timed_mutex>;

template <class M>
std::string const kind = "mutex";
template <>
std::string const kind<ramie::timed_mutex> = "timed_mutex";
template <>
std::string const kind<ramie::recursive_mutex> = "recursive_mutex";
template <>
std::string const kind<ramie::recursive_timed_mutex> = "recursive_timed_mutex";
template <>
std::string const kind<ramie::shared_mutex> = "shared_mutex";

// Is it free? Looks from a task of its own, since a recursive one's holder sees it as free.
template <class M>
bool is_free(one_thread_carrier& carrier, M& m) {
    auto look = ramie::spawn([&] {
        bool const got = m.try_lock();
        if (got) m.unlock();
        return got;
    });
    carrier.drain();
    return look.get();
}

}  // namespace

#define MUTEX_KINDS \
    ramie::mutex, ramie::timed_mutex, ramie::recursive_mutex, ramie::recursive_timed_mutex, ramie::shared_mutex

TEST_CASE_TEMPLATE("mutex kinds: work with lock_guard, unique_lock and scoped_lock", M, MUTEX_KINDS) {
    static_assert(!std::is_copy_constructible_v<M> && !std::is_copy_assignable_v<M> && std::is_default_constructible_v<M>);
    both_ways([](one_thread_carrier& carrier) {
        M a, b;
        auto task = ramie::spawn([&] {
            {
                std::lock_guard held(a);
                std::unique_lock other(b, std::try_to_lock);
                CHECK(other.owns_lock());
            }
            std::scoped_lock both(a, b);
            ramie::this_fiber::yield();
        });
        carrier.drain();
        task.get();
        CHECK(is_free(carrier, a));
        CHECK(is_free(carrier, b));
    });
}

TEST_CASE_TEMPLATE("mutex kinds: are held over suspensions, and handed over in the order of arrival", M, MUTEX_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        std::string trace;
        std::vector<ramie::join_handle<void>> tasks;
        for (char const name : {'a', 'b', 'c', 'd'}) {
            tasks.push_back(ramie::spawn([&, name] {
                for (int i = 0; i < 2; ++i) {
                    std::lock_guard held(m);
                    trace += name;
                    ramie::this_fiber::sleep_for(1ms);
                    trace += name;
                }
            }));
        }
        carrier.run();
        CHECK(trace == "aabbccddaabbccdd");
        for (auto& t : tasks) t.get();
    });
}

TEST_CASE_TEMPLATE("mutex kinds: one that was handed over is not free for who comes in between", M, MUTEX_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        bool taken = true;
        auto holder = ramie::spawn([&] {
            m.lock();
            ramie::this_fiber::yield();
            m.unlock();
            taken = m.try_lock();
        });
        auto next = ramie::spawn([&] { std::lock_guard held(m); });
        carrier.drain();
        CHECK_FALSE(taken);
        holder.get();
        next.get();
    });
}

TEST_CASE_TEMPLATE("mutex kinds: a second lock by the holder is an error, not a deadlock; or counts", M, MUTEX_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        auto task = ramie::spawn([&] {
            m.lock();
            if constexpr (recursive<M>) {
                m.lock();
                m.unlock();
            } else {
                CHECK_THROWS_AS(m.lock(), std::system_error);
            }
            m.unlock();
        });
        carrier.drain();
        task.get();
        CHECK(is_free(carrier, m));
    });
}

TEST_CASE_TEMPLATE("mutex kinds: an aborted waiter leaves the line and the next one gets it", M, MUTEX_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        m.lock();
        std::string trace;
        auto first = ramie::spawn([&] { std::lock_guard held(m); });
        auto second = ramie::spawn([&] {
            std::lock_guard held(m);
            trace += 'b';
        });
        carrier.drain();
        first.abort();
        m.unlock();
        carrier.drain();
        CHECK(trace == "b");
        CHECK(first.join().error().is_cancelled());
        second.get();
        CHECK(is_free(carrier, m));
    });
}

TEST_CASE_TEMPLATE("mutex kinds: a waiter that is aborted just after the hand-over has it, and lets go of it", M, MUTEX_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        m.lock();
        std::string trace;
        auto waits = ramie::spawn([&] {
            std::lock_guard held(m);
            trace += 'a';
            ramie::this_fiber::abort_point();
            trace += 'b';
        });
        carrier.drain();
        m.unlock();
        waits.abort();
        carrier.drain();
        CHECK(trace == "a");
        CHECK(waits.join().error().is_cancelled());
        CHECK(is_free(carrier, m));
    });
}

namespace {

template <class M>
struct three_in_turn {
    M m;
    int inside = 0, passed = 0;
    bool broken = false;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    three_in_turn() {
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(ramie::spawn([this] {
                for (int round = 0; round < 3; ++round) {
                    std::lock_guard held(m);
                    broken |= ++inside != 1;
                    {
                        struct out {
                            int& n;
                            ~out() { --n; }
                        } leaves{inside};
                        ramie::this_fiber::yield();
                        ramie::this_fiber::sleep_for(1ms);
                    }
                    ++passed;
                }
            }));
        }
        victim = tasks[1].abort_handle();
    }
    void check() {
        CHECK_FALSE(broken);
        CHECK(inside == 0);
        CHECK(passed >= 6);
        tasks[0].get();
        tasks[2].get();
        CHECK(m.try_lock());
        m.unlock();
    }
};

}  // namespace

TEST_CASE_TEMPLATE("mutex kinds: an abort at any step leaves the others excluded from each other and served", M, MUTEX_KINDS) {
    abort_at_each_step<three_in_turn<M>>();
}

TEST_CASE_TEMPLATE("mutex kinds: a condition_variable waits with it", M, MUTEX_KINDS) {
    both_ways([](one_thread_carrier& carrier) {
        M m;
        ramie::condition_variable changed;
        bool ready = false;
        auto waits = ramie::spawn([&] {
            std::unique_lock lock(m);
            changed.wait(lock, [&] { return ready; });
        });
        carrier.drain();
        CHECK(m.try_lock());
        ready = true;
        m.unlock();
        changed.notify_one();
        carrier.drain();
        waits.get();
    });
}

TEST_CASE_TEMPLATE("mutex kinds: plain threads exclude each other", M, MUTEX_KINDS) {
    M m;
    long count = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 2000; ++i) {
                std::lock_guard held(m);
                auto const seen = count;
                if (i % 64 == 0) std::this_thread::yield();
                count = seen + 1;
            }
        });
    }
    for (auto& t : threads) t.join();
    CHECK(count == 8000);
}

TEST_CASE_TEMPLATE("mutex kinds: destroying one while somebody waits says so, and by which name", M, MUTEX_KINDS) {
    auto m = std::make_unique<M>();
    m->lock();
    dies_when_destroyed(kind<M>, std::move(m), [](M& waited) { waited.lock(); });
}
