// parking_lot: waits for objects that are known only by their address, and change without the lot. A change that is followed
// by wake() is not missed; a wake goes to a waiter that can use it, also when others give up or are aborted; a mutex made of
// such a word lets one in at a time; no place is used after its wait. All looking is off, so a missed wake is a wait for ever.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "lot/parking_lot.hpp"

#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <memory>

using namespace ramie::model;
using ramie::detail::lot_leaver;
using ramie::detail::lot_wait;
using ramie::detail::lot_wake;
using ramie::detail::task_state;
using ramie::detail::waiter;
namespace lot = ramie::detail::parking_lot;
using enum std::memory_order;

namespace {

// A mutex of the C library, of which the lot sees the address.
struct foreign_lock {
    atomic<int> held{0};
    int inside = 0;  // under it

    static int attempt(void* self) noexcept {
        int expected = 0;
        auto& held = static_cast<foreign_lock*>(self)->held;
        return held.compare_exchange_strong(expected, 1, acquire, relaxed) ? 0 : static_cast<int>(lot_wait::again);
    }
    lot_wait wish() {
        lot_wait w;
        w.address = this;
        w.attempt = attempt;
        w.argument = this;
        w.what = "a lock";
        w.first_look_us = 0;
        return w;
    }
    void lock() { require(lot::wait(wish()) == 0, "a wait without a limit ends without the lock"); }
    void unlock() {
        held.store(0, release);
        (void)lot::wake(this, lot_wake::first);
    }
    void enter() {
        lock();
        ++inside;
        unlock();
    }
};

void no_looks() { lot::may_look.store(false, relaxed); }

// A condition variable of the C library: a wake is the answer.
lot_wait call(void const* address) {
    lot_wait w;
    w.address = address;
    w.attempt = [](void*) noexcept { return static_cast<int>(lot_wait::again); };
    w.what = "a call";
    w.first_look_us = 0;
    w.by_call = true;
    w.abortable = true;
    return w;
}

// As task::abort(). (A thread's wait is not one that abort() itself would end.)
void abort(waiter& w) {
    (void)w.state.abort();
    auto const g = w.state.generation();
    if (w.state.current() != task_state::phase::parked) return;
    if (w.state.claim(g, task_state::outcome::aborted) == task_state::claim_result::submit_it) resume(w);
}

}  // namespace

TEST_CASE("model: parking_lot: a lock of the C library lets one in at a time, and nobody is forgotten") {
    check({2, 1}, [] {
        no_looks();
        auto s = std::make_shared<foreign_lock>();
        for (int i = 0; i < 2; ++i) thread([=] { s->enter(); });
        finally([=] {
            require(s->inside == 2, "two were inside at once");
            require(lot::wake(s.get(), lot_wake::all) == 0, "a place is left");
        });
    });
    check({1, 1}, [] {
        no_looks();
        auto s = std::make_shared<foreign_lock>();
        for (int i = 0; i < 3; ++i) thread([=] { s->enter(); });
        finally([=] { require(s->inside == 3, "two were inside at once"); });
    });
}

TEST_CASE("model: parking_lot: a waiter that gives up passes the wake on") {
    check({1, 1}, [] {
        no_looks();
        auto s = std::make_shared<foreign_lock>();
        s->held.store(1, relaxed);
        thread([=] {
            auto w = s->wish();
            w.at_most_us = 1000;
            if (lot::wait(w) == 0) s->unlock();
        });
        thread([=] { s->enter(); });
        thread([=] { s->unlock(); });
        finally([=] { require(s->inside == 1, "it is forgotten"); });
    });
}

// pthread_cond_wait() of a thread unlocks inside libc, sleeps, and locks again.
TEST_CASE("model: parking_lot: an unlock that the lot is not told of is found by one who knows that the holder leaves") {
    check({2, 1}, [] {
        no_looks();
        struct leaving {
            foreign_lock lock;
            std::int32_t owner = 7;
            atomic<bool> signalled{false};
        };
        auto s = std::make_shared<leaving>();
        s->lock.held.store(1, relaxed);
        thread([=] {
            auto w = s->lock.wish();
            w.owner = &s->owner;
            require(lot::wait(w) == 0, "a wait without a limit ends without the lock");
            __atomic_store_n(&s->owner, 8, __ATOMIC_RELAXED);
            s->signalled.store(true, release);  // so this must come first
            __atomic_store_n(&s->owner, 0, __ATOMIC_RELAXED);
            s->lock.unlock();
        });
        thread([=] {
            lot_leaver me{&s->lock, 7};
            lot::leave_unseen(me);
            __atomic_store_n(&s->owner, 0, __ATOMIC_RELAXED);
            s->lock.held.store(0, release);
            while (!s->signalled.load(acquire)) wait_for_a_change();
            while (foreign_lock::attempt(&s->lock) != 0) wait_for_a_change();
            __atomic_store_n(&s->owner, 7, __ATOMIC_RELAXED);
            lot::left_unseen(me);
            __atomic_store_n(&s->owner, 0, __ATOMIC_RELAXED);
            s->lock.unlock();
        });
    });
}

TEST_CASE("model: parking_lot: a call for one of two is not lost if that one is aborted") {
    check({1, 0}, [] {
        no_looks();
        struct state {
            int object = 0;
            atomic<waiter*> may_be_aborted{nullptr};
            atomic<int> gone{0};
        };
        auto s = std::make_shared<state>();
        thread([=] {
            s->may_be_aborted.store(&waiter::self(), release);
            auto const result = lot::wait(call(&s->object));
            require(result == 0 || result == ECANCELED, "it ends in another way");
            s->may_be_aborted.store(nullptr, release);
            if (result == 0) (void)lot::wake(&s->object, lot_wake::one);  // it got the call: now the other's turn
            s->gone.store(1, release);
        });
        thread([=] {
            require(lot::wait(call(&s->object)) == 0, "it ends without a call");
            (void)lot::wake(&s->object, lot_wake::one);
        });
        thread([=] {
            auto const& waiting = lot::counters.waiting[ramie::detail::lot_bucket(&s->object)];
            for (;;) {
                auto const gone = s->gone.load(acquire);
                if (gone + static_cast<int>(waiting.load(relaxed)) == 2) break;
                wait_for_a_change();
            }
            (void)lot::wake(&s->object, lot_wake::one);
        });
        thread([=] {
            if (auto* const w = s->may_be_aborted.load(acquire)) abort(*w);
        });
    });
}

TEST_CASE("model: parking_lot: a static's initialiser: all who wait go on when it is done") {
    check({0, 1}, [] {
        no_looks();
        auto done = std::make_shared<atomic<bool>>(false);
        for (int i = 0; i < 2; ++i) {
            thread([=] {
                while (!done->load(acquire))
                    lot::wait_at(done.get(), [](void* d) { return !static_cast<atomic<bool>*>(d)->load(acquire); }, done.get());
            });
        }
        thread([=] {
            done->store(true, release);
            lot::wake_all(done.get());
        });
    });
}
