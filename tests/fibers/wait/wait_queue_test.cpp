// The queue under every primitive: who is claimed, who is skipped, who must be resumed. (How it dies with somebody in
// it is shown by the primitives' tests.)
#include <ramie/detail/wait/thread_waiter.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <doctest/doctest.h>

#include <array>

using namespace ramie::detail;
using outcome = task_state::outcome;

namespace {

// A waiter in a queue, parked or still on its way.
struct standing {
    thread_waiter who;
    wait_node node{who};

    void park() { CHECK(who.state.park(node.generation, true) == task_state::park_result::parked); }
    void end_by(outcome how) { CHECK(who.state.claim(node.generation, how) != task_state::claim_result::lost); }
    bool woken() const { return who.state.last_outcome() == outcome::woken; }
};

template <std::size_t N>
struct line {
    std::array<standing, N> waiters;
    wait_queue queue;

    line() {
        for (auto& w : waiters) queue.push_back(w.node);
    }
    standing& operator[](std::size_t i) { return waiters[i]; }
};

}  // namespace

TEST_CASE("wait_queue: the first to come is the first to be claimed") {
    line<3> q;
    for (auto& w : q.waiters) w.park();
    bool served = false;
    for (auto& w : q.waiters) {
        CHECK(q.queue.claim_front(served) == &w.who);
        CHECK(served);
        CHECK(w.woken());
        CHECK_FALSE(w.node.linked());
    }
    CHECK(q.queue.empty());
    CHECK(q.queue.claim_front(served) == nullptr);
    CHECK_FALSE(served);
}

TEST_CASE("wait_queue: a waiter that has not parked yet is served, but not to be resumed") {
    line<2> q;
    q[1].park();
    bool served = false;
    CHECK(q.queue.claim_front(served) == nullptr);
    CHECK(served);
    CHECK(q[0].woken());
    CHECK(q[1].node.linked());
}

TEST_CASE("wait_queue: a waiter whose wait ended otherwise gets nothing, and the next one gets it") {
    line<4> q;
    for (auto& w : q.waiters) w.park();
    q[0].end_by(outcome::aborted);
    q[1].end_by(outcome::deadline);
    bool served = false;
    CHECK(q.queue.claim_front(served) == &q[2].who);
    CHECK(served);
    CHECK(q[0].who.state.last_outcome() == outcome::aborted);
    CHECK(q[1].who.state.last_outcome() == outcome::deadline);
    CHECK(q[3].node.linked());
}

TEST_CASE("wait_queue: nobody is served if all waits ended otherwise") {
    line<2> q;
    for (auto& w : q.waiters) {
        w.park();
        w.end_by(outcome::aborted);
    }
    bool served = true;
    CHECK(q.queue.claim_front(served) == nullptr);
    CHECK_FALSE(served);
    CHECK(q.queue.empty());
}

TEST_CASE("wait_queue: a waiter may leave from anywhere, and again after it was taken out") {
    line<3> q;
    for (auto& w : q.waiters) w.park();
    q.queue.remove(q[1].node);
    q.queue.remove(q[1].node);
    bool served = false;
    CHECK(q.queue.claim_front(served) == &q[0].who);
    q.queue.remove(q[0].node);
    CHECK(q.queue.claim_front(served) == &q[2].who);
    CHECK(q.queue.empty());
}

TEST_CASE("wait_queue: claiming all serves every open wait and nobody else") {
    line<4> q;
    q[0].park();
    q[2].park();
    q[2].end_by(outcome::aborted);
    q[3].park();  // q[1] is on its way
    woken_list woken;
    q.queue.claim_all(woken);
    CHECK(q.queue.empty());
    for (auto i : {0u, 1u, 3u}) CHECK(q[i].woken());
    CHECK_FALSE(q[2].woken());
    woken.resume_all();
    for (auto& w : q.waiters) CHECK_FALSE(w.node.linked());
}
