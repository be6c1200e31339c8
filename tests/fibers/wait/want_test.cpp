// A want as a case, step by step, without a select round it.
#include <ramie/detail/wait/thread_waiter.hpp>
#include <ramie/detail/wait/want.hpp>

#include <doctest/doctest.h>

using namespace ramie::detail;

namespace {

struct looked_at {
    word_lock lock;
    wait_queue queue;
    bool ready = false;
    auto as_case() {
        return ready_case(lock, queue, [this] { return ready; }, [] {});
    }
    void tell() {
        woken_list woken;
        std::lock_guard const held(lock);
        queue.claim_all(woken);
    }
};

// One of something; a waker that gives it away counts.
struct single {
    word_lock lock;
    wait_queue queue;
    bool there = false;
    int gave_way = 0;
};
struct wants_single : want {
    explicit wants_single(single& s) : of(s) {}
    word_lock& lock() noexcept { return of.lock; }
    wait_queue& queue() noexcept { return of.queue; }
    bool poll() const noexcept { return of.there; }
    void take(woken_list&) noexcept { of.there = false; }
    void give_up(woken_list&) noexcept { ++of.gave_way; }
    single& of;
};

}  // namespace

TEST_CASE("want: a case that was woken for nothing, and is beaten when it looks again, does not say that it won") {
    thread_waiter self;
    looked_at thing;
    auto c = thing.as_case();
    CHECK(c.enlist(self, self.state.generation()) == enlisting::queued);
    thing.tell();
    CHECK(c.withdraw());
    CHECK_FALSE(c.confirm());
    // The select goes on, and another case wins before this one is asked.
    auto const g = self.state.generation();
    thing.ready = true;
    CHECK(claim_for_itself(self, g));
    CHECK(c.enlist(self, g) == enlisting::lost);
    CHECK_FALSE(c.withdraw());
}

TEST_CASE("want: a case that leaves its queue gives way, unless it was given what it wants") {
    thread_waiter self;
    single thing;
    want_case loser(wants_single(thing), [] {});
    CHECK(loser.enlist(self, self.state.generation()) == enlisting::queued);
    CHECK_FALSE(loser.withdraw());
    CHECK(thing.gave_way == 1);
    CHECK(thing.queue.empty());

    want_case winner(wants_single(thing), [] {});
    CHECK(winner.enlist(self, self.state.generation()) == enlisting::queued);
    CHECK(thing.queue.claim_first());
    CHECK(winner.withdraw());
    CHECK(thing.gave_way == 1);
}

TEST_CASE("want: a case that is ready takes it only if the wait is its own") {
    thread_waiter self;
    single thing;
    thing.there = true;
    want_case c(wants_single(thing), [] {});
    auto const g = self.state.generation();
    CHECK(claim_for_itself(self, g));
    CHECK(c.enlist(self, g) == enlisting::lost);
    CHECK(thing.there);
    CHECK(c.enlist(self, self.state.generation()) == enlisting::won);
    CHECK_FALSE(thing.there);
}
