// Readers and writers. What every mutex does, and limits for writers, are in mutex_kinds_test and timed_mutex_test.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

static_assert(std::is_same_v<ramie::shared_mutex, ramie::shared_timed_mutex>);

namespace {

// Spawns readers (lower case) and writers (upper case); each notes when it is in and stays 1 ms.
struct visitors {
    ramie::shared_mutex m;
    std::string trace;
    std::vector<ramie::join_handle<void>> tasks;

    void come(std::string const& names) {
        for (char const name : names) {
            tasks.push_back(ramie::spawn([this, name] {
                if (name >= 'a') {
                    std::shared_lock held(m);
                    trace += name;
                    ramie::this_fiber::sleep_for(1ms);
                    trace += '.';
                } else {
                    std::unique_lock held(m);
                    trace += name;
                    ramie::this_fiber::sleep_for(1ms);
                    trace += '.';
                }
            }));
        }
    }
    void join() {
        for (auto& t : tasks) t.get();
    }
};

}  // namespace

TEST_CASE("shared_mutex: works with shared_lock and its limits") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::shared_mutex m;
        auto task = ramie::spawn([&] {
            {
                std::shared_lock a(m), b(m, std::try_to_lock), c(m, 1ms);
                CHECK(b.owns_lock());
                CHECK(c.owns_lock());
                CHECK_FALSE(m.try_lock());
                CHECK_FALSE(m.try_lock_for(1ms));
                CHECK(m.try_lock_shared_until(std::chrono::system_clock::now() + 1h));
                m.unlock_shared();
            }
            std::unique_lock w(m);
            CHECK_FALSE(m.try_lock_shared());
        });
        carrier.run();
        task.get();
    });
}

TEST_CASE("shared_mutex: readers are in together, writers alone") {
    both_ways([](one_thread_carrier& carrier) {
        visitors v;
        v.come("abcABdeC");
        carrier.run();
        CHECK(v.trace == "abc...A.B.de..C.");
        v.join();
    });
}

TEST_CASE("shared_mutex: a writer is not starved by readers that keep coming, nor a reader by writers") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::shared_mutex m;
        bool stop = false;
        std::vector<ramie::join_handle<void>> crowd;
        auto const keep_coming = [&](bool write, int offset) {
            return ramie::spawn([&, write, offset] {
                ramie::this_fiber::sleep_for(offset * 1ms);
                while (!stop) {
                    if (write) m.lock();
                    else m.lock_shared();
                    ramie::this_fiber::sleep_for(3ms);
                    if (write) m.unlock();
                    else m.unlock_shared();
                }
            });
        };
        for (bool const writers : {false, true}) {
            CAPTURE(writers);
            stop = false;
            for (int i = 0; i < 3; ++i) crowd.push_back(keep_coming(writers, i));
            auto lone = ramie::spawn([&] {
                ramie::this_fiber::sleep_for(10ms);
                auto const start = ramie::detail::carrier::now();
                if (writers) m.lock_shared();
                else m.lock();
                auto const waited = ramie::detail::carrier::now() - start;
                if (writers) m.unlock_shared();
                else m.unlock();
                stop = true;
                return waited;
            });
            carrier.run();
            CHECK(lone.get() <= 9ms);
            for (auto& t : crowd) t.get();
            crowd.clear();
        }
    });
}

TEST_CASE("shared_mutex: a reader does not pass a waiting writer, not even by trying") {
    both_ways([](one_thread_carrier& carrier) {
        visitors v;
        v.m.lock_shared();
        v.come("A");
        carrier.drain();
        CHECK_FALSE(v.m.try_lock_shared());
        v.come("a");
        carrier.drain();
        CHECK(v.trace.empty());
        v.m.unlock_shared();
        carrier.run();
        CHECK(v.trace == "A.a.");
        v.join();
    });
}

TEST_CASE("shared_mutex: a waiting writer that gives up or is aborted lets the readers behind it in") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const by_abort : {true, false}) {
            CAPTURE(by_abort);
            visitors v;
            v.m.lock_shared();
            auto writer = ramie::spawn([&] {
                bool const got = v.m.try_lock_for(10ms);
                CHECK_FALSE(got);
            });
            carrier.drain();
            v.come("ab");
            carrier.drain();
            CHECK(v.trace.empty());
            if (by_abort) writer.abort();
            else carrier.advance(10ms);
            carrier.run();
            CHECK(v.trace == "ab..");
            CHECK(writer.join().has_value() != by_abort);
            v.m.unlock_shared();
            CHECK(v.m.try_lock());
            v.m.unlock();
            v.join();
        }
    });
}

TEST_CASE("shared_mutex: a reader aborted while it waits is passed over; one aborted after the hand-over lets go") {
    both_ways([](one_thread_carrier& carrier) {
        for (bool const handed_over : {false, true}) {
            CAPTURE(handed_over);
            ramie::shared_mutex m;
            m.lock();
            bool in = false;
            auto reader = ramie::spawn([&] {
                std::shared_lock held(m);
                in = true;
                ramie::this_fiber::abort_point();
            });
            carrier.drain();
            if (handed_over) m.unlock();
            reader.abort();
            if (!handed_over) m.unlock();
            carrier.drain();
            CHECK(in == handed_over);
            CHECK(reader.join().error().is_cancelled());
            CHECK(m.try_lock());
            m.unlock();
        }
    });
}

TEST_CASE("shared_mutex: who writes and locks again, to read or to write, is told") {
    both_ways([](one_thread_carrier& carrier) {
        ramie::shared_mutex m;
        auto task = ramie::spawn([&] {
            std::lock_guard held(m);
            CHECK_THROWS_AS(m.lock(), std::system_error);
            CHECK_THROWS_AS(m.lock_shared(), std::system_error);
            CHECK_THROWS_AS((void)m.try_lock_shared_for(1ms), std::system_error);
        });
        carrier.drain();
        task.get();
    });
}

namespace {

struct mixed_company {
    ramie::shared_mutex m;
    int readers = 0, writers = 0, visits = 0;
    bool broken = false;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    struct inside {
        int& n;
        explicit inside(int& who) : n(++who) {}
        ~inside() { --n; }
    };

    explicit mixed_company(std::size_t whom) {
        for (int i = 0; i < 5; ++i) {
            tasks.push_back(ramie::spawn([this, i] {
                for (int round = 0; round < 3; ++round) {
                    if ((i + round) % 2 == 0) {
                        std::shared_lock held(m, 5ms + std::chrono::milliseconds(i));
                        if (!held.owns_lock()) continue;
                        inside in(readers);
                        broken |= writers != 0;
                        ramie::this_fiber::sleep_for(1ms);
                    } else {
                        std::unique_lock held(m, 3ms + std::chrono::milliseconds(i));
                        if (!held.owns_lock()) continue;
                        inside in(writers);
                        broken |= writers != 1 || readers != 0;
                        ramie::this_fiber::sleep_for(1ms);
                    }
                    ++visits;
                }
            }));
        }
        victim = tasks[whom].abort_handle();
    }
    void check() {
        CHECK_FALSE(broken);
        CHECK(visits >= 5);
        CHECK(m.try_lock());
        m.unlock();
        for (auto& t : tasks) (void)t.join();
    }
};
struct abort_a_reader : mixed_company {
    abort_a_reader() : mixed_company(2) {}
};
struct abort_a_writer : mixed_company {
    abort_a_writer() : mixed_company(1) {}
};

}  // namespace

TEST_CASE("shared_mutex: an abort at any step, among limits that pass, keeps writers alone and leaves it free") {
    abort_at_each_step<abort_a_reader>();
    abort_at_each_step<abort_a_writer>();
}

TEST_CASE("shared_mutex: plain threads read together and write alone") {
    ramie::shared_mutex m;
    std::atomic<int> readers = 0;
    int writers = 0;
    long written = 0;
    std::atomic<bool> broken = false;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 1000; ++i) {
                if ((i + t) % 4 == 0) {
                    std::unique_lock held(m);
                    if (++writers != 1 || readers != 0) broken = true;
                    ++written;
                    --writers;
                } else {
                    std::shared_lock held(m, std::defer_lock);
                    if (i % 3 == 0) {
                        if (!held.try_lock_for(std::chrono::microseconds(i % 40))) continue;
                    } else {
                        held.lock();
                    }
                    ++readers;
                    if (writers != 0) broken = true;
                    --readers;
                }
            }
        });
    }
    for (auto& t : threads) t.join();
    CHECK_FALSE(broken);
    CHECK(written == 1000);
    CHECK(m.try_lock());
    m.unlock();
}

TEST_CASE("shared_mutex: destroying one while a reader waits says so") {
    auto m = std::make_unique<ramie::shared_mutex>();
    m->lock();
    dies_when_destroyed("shared_mutex", std::move(m), [](ramie::shared_mutex& waited) { waited.lock_shared(); });
}
