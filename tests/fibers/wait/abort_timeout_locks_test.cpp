// A timeout around each lock, permit and once-only call, and an abort at every moment of it: nobody is let in beside
// another, and what was held is free again.
#include "in_a_hurry.hpp"
#include "tracked.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/counting_semaphore.hpp>
#include <ramie/mutex.hpp>
#include <ramie/once_cell.hpp>
#include <ramie/once_flag.hpp>
#include <ramie/recursive_mutex.hpp>
#include <ramie/recursive_timed_mutex.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/timed_mutex.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// Counts who is inside, also while they are thrown out.
struct presence {
    explicit presence(int& n) : inside(n) { ++inside; }
    presence(presence const&) = delete;
    presence& operator=(presence const&) = delete;
    ~presence() { --inside; }
    int& inside;
};

template <class M>
struct exclusion {
    M m;
    int inside = 0;
    void use(int) {
        std::lock_guard const held(m);
        presence const here(inside);
        CHECK(inside == 1);
        a_while();
    }
    void check() {
        CHECK(inside == 0);
        CHECK(m.try_lock());
        m.unlock();
    }
};

struct readers_and_a_writer {
    ramie::shared_mutex m;
    int reading = 0, writing = 0;
    void use(int who) {
        if (who == 2) {
            std::lock_guard const held(m);
            presence const here(writing);
            CHECK(writing == 1);
            CHECK(reading == 0);
            a_while();
        } else {
            std::shared_lock const held(m);
            presence const here(reading);
            CHECK(writing == 0);
            a_while();
        }
    }
    void check() {
        CHECK(m.try_lock());
        m.unlock();
    }
};

struct permits {
    std::shared_ptr<ramie::semaphore> gate = std::make_shared<ramie::semaphore>(3);
    void use(int who) {
        if (who == 0) {
            auto const owned = ramie::semaphore::acquire_owned(gate, 2);
            a_while();
        } else {
            auto const some = gate->acquire(static_cast<std::size_t>(who + 1));
            a_while();
        }
    }
    void check() {
        CHECK(gate->available() == 3);
        CHECK(gate.use_count() == 1);
    }
};

struct counted_permits {
    ramie::counting_semaphore<2> gate{1};
    void use(int) {
        gate.acquire();
        struct out {
            ramie::counting_semaphore<2>& g;
            ~out() { g.release(); }
        } const leaving{gate};
        a_while();
    }
    void check() {
        CHECK(gate.try_acquire());
        CHECK_FALSE(gate.try_acquire());
        gate.release();
    }
};

struct condition {
    ramie::mutex m;
    ramie::condition_variable changed;
    int made = 0, taken = 0;
    void use(int who) {
        std::unique_lock lock(m);
        if (who == 0) {
            a_while();
            ++made;
            changed.notify_one();
            return;
        }
        try {
            changed.wait(lock, [&] { return made > taken; });
        } catch (...) {
            CHECK(lock.owns_lock());
            CHECK_FALSE(m.try_lock());
            throw;
        }
        ++taken;
        if (made > taken) changed.notify_one();  // for one that was thrown out after it was notified
    }
    void check() {
        CHECK(taken <= made);
        CHECK(m.try_lock());
        m.unlock();
    }
};

struct made_once {
    ramie::once_cell<tracked> cell;
    int made = 0;
    tracked& value(int number) {
        return cell.get_or_init([&] {
            a_while();
            ++made;
            return tracked(number);
        });
    }
    void use(int who) { (void)value(who); }
    void check() {
        CHECK(made <= 1);
        CHECK(tracked::alive() == made);
        CHECK((made == 0 || cell.is_set()));
        CHECK((made == 1 || cell.set(tracked())));
    }
};

struct called_once {
    ramie::once_flag flag;
    int called = 0;
    void use(int) {
        ramie::call_once(flag, [&] {
            a_while();
            ++called;
        });
        CHECK(called == 1);
    }
    void check() {
        CHECK(called <= 1);
        ramie::call_once(flag, [&] { ++called; });
        CHECK(called == 1);
    }
};

}  // namespace

TEST_CASE_TEMPLATE("timeout: around a lock, an abort at any moment leaves it free", Thing, exclusion<ramie::mutex>,
                   exclusion<ramie::timed_mutex>, exclusion<ramie::recursive_mutex>,
                   exclusion<ramie::recursive_timed_mutex>, exclusion<ramie::shared_mutex>, readers_and_a_writer,
                   condition) {
    abort_at_each_step<in_a_hurry<Thing>>();
}

TEST_CASE_TEMPLATE("timeout: around permits, an abort at any moment loses none", Thing, permits, counted_permits) {
    abort_at_each_step<in_a_hurry<Thing>>();
}

TEST_CASE_TEMPLATE("timeout: around what happens once, an abort at any moment lets another do it", Thing, made_once,
                   called_once) {
    abort_at_each_step<in_a_hurry<Thing>>();
}
