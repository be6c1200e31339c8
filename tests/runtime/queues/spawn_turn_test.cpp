// When the oldest spawned tasks move to the ring: a table of what a worker may see of its deque.
#include "queues/spawn_turn.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using ramie::detail::spawn_turn;

namespace {

// A deque as its worker sees it, and the time.
struct deque {
    spawn_turn turn;
    spawn_turn::sight seen{{}, 0, 0, 0};

    void spawn(std::size_t n) { seen.waiting += n; }
    void take_newest(std::size_t n) {
        seen.waiting -= n;
        seen.served += n;
    }
    void take_oldest(std::size_t n) {
        seen.waiting -= n;
        seen.taken += static_cast<std::int64_t>(n);
    }
    std::size_t look(std::chrono::microseconds later) {
        seen.now += later;
        auto const moved = turn.look(seen);
        take_oldest(moved);
        return moved;
    }
};

}  // namespace

TEST_CASE("spawn_turn: nothing waits, nothing moves") {
    deque d;
    for (int i = 0; i < 100; ++i) CHECK(d.look(10ms) == 0);
}

TEST_CASE("spawn_turn: what waited from one look to the next, and nobody took any, moves a batch at a time") {
    deque d;
    (void)d.look(1us);
    d.spawn(100);
    CHECK(d.look(1us) == 0);  // just spawned
    std::size_t moved = 0;
    int looks = 0;
    for (; moved < 100; ++looks) moved += d.look(1us);
    CHECK(moved == 100);
    CHECK(looks == 7);
    CHECK(d.look(1us) == 0);
}

TEST_CASE("spawn_turn: a deque that is served keeps its order: the oldest waits for its patience") {
    deque d;
    d.spawn(20);
    CHECK(d.look(0us) == 0);
    for (int i = 0; i < 9; ++i) {
        d.spawn(3);
        d.take_newest(3);
        CHECK(d.look(100us) == 0);
    }
    d.spawn(3);
    d.take_newest(3);
    CHECK(d.look(100us) == 1);
}

TEST_CASE("spawn_turn: where the oldest are tasks like others, each look moves twice as many as the one before") {
    deque d;
    d.spawn(40);
    (void)d.look(0us);
    auto const churn = [&] {
        d.spawn(5);
        d.take_newest(5);
        return d.look(50us);
    };
    d.spawn(1);
    d.take_newest(1);
    CHECK(d.look(1ms) == 1);
    CHECK(churn() == 2);
    CHECK(churn() == 4);
    CHECK(churn() == 8);
    CHECK(churn() == 16);
    CHECK(churn() == 9);
    CHECK(churn() == 0);
}

TEST_CASE("spawn_turn: where the oldest are roots of trees, patience doubles up to its limit") {
    deque d;
    d.spawn(20);
    (void)d.look(0us);
    auto waited = 0us, last = 0us;
    for (int moved = 0; moved < 8;) {
        d.spawn(1);
        d.take_newest(1);
        waited += 100us;
        if (d.look(100us) == 0) continue;
        ++moved;
        d.spawn(10);  // its branches
        d.take_newest(1);
        CHECK(d.look(100us) == 0);
        CHECK(waited >= std::min<std::chrono::microseconds>(last, spawn_turn::longest_patience));
        last = waited;
        waited = 0us;
    }
    CHECK(last >= 15ms);
    CHECK(last <= 17ms);
}

TEST_CASE("spawn_turn: thieves that take the oldest serve them") {
    deque d;
    d.spawn(50);
    (void)d.look(0us);
    for (int i = 0; i < 40; ++i) {
        d.take_oldest(1);
        CHECK(d.look(10ms) == 0);
    }
}
