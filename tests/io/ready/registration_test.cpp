// The readiness word and its waiters, without a kernel.
#include "chance.hpp"
#include "ready/registration.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include <sys/epoll.h>

using namespace ramie::detail;

namespace {
// The most that the tick can count. Sanitizers take too long for it.
constexpr int many = ramie::testing::slowdown > 1 ? 1 << 16 : 1 << 24;
}  // namespace

TEST_CASE("registration: both directions count as ready at first, and a fruitless attempt clears its own") {
    registration r;
    (void)r.begin();
    auto const noted = r.look();
    CHECK(noted.ready(direction::read));
    CHECK(noted.ready(direction::write));
    r.clear(direction::read, noted);
    CHECK_FALSE(r.look().ready(direction::read));
    CHECK(r.look().ready(direction::write));
    r.clear(direction::write, noted);  // cleared bits do not make a note outdated
    CHECK_FALSE(r.look().ready(direction::write));
}

TEST_CASE("registration: a report between the note and the clearing keeps the readiness") {
    registration r;
    auto const generation = r.begin();
    auto const noted = r.look();
    r.raise(generation, EPOLLIN);
    r.clear(direction::read, noted);
    CHECK(r.look().ready(direction::read));
    r.clear(direction::read, r.look());
    CHECK_FALSE(r.look().ready(direction::read));
}

TEST_CASE("registration: a note is told from one 16 million reports later, but for one chance in 16 million") {
    registration r;
    auto const generation = r.begin();
    for (int i = 0; i < 300; ++i) {
        auto const noted = r.look();
        r.raise(generation, EPOLLIN);
        r.clear(direction::read, noted);
        CHECK(r.look().ready(direction::read));
    }
    auto const noted = r.look();
    for (int i = 0; i < many - 1; ++i) r.raise(generation, EPOLLIN);
    r.clear(direction::read, noted);
    CHECK(r.look().ready(direction::read));
}

TEST_CASE("registration: reports that overflow the tick do not reach the generation") {
    registration r;
    auto const generation = r.begin();
    for (int i = 0; i < many + 5; ++i) r.raise(generation, EPOLLOUT);
    auto const noted = r.look();
    r.clear(direction::read, noted);
    r.raise(generation, EPOLLIN);  // still accepted
    CHECK(r.look().ready(direction::read));
    CHECK(r.begin() == generation + 1);
}

TEST_CASE("registration: a report for an earlier generation is ignored") {
    registration r;
    auto const old = r.begin();
    r.close();
    (void)r.begin();
    r.clear(direction::read, r.look());
    r.clear(direction::write, r.look());
    r.raise(old, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    auto const now = r.look();
    CHECK_FALSE(now.ready(direction::read));
    CHECK_FALSE(now.ready(direction::write));
    CHECK_FALSE(now.ended(direction::read));
    CHECK_FALSE(now.is_closed());
}

TEST_CASE("registration: what each report means") {
    struct {
        std::uint32_t events;
        bool readable, writable, read_ended, write_ended;
    } const reports[] = {
        {EPOLLIN, true, false, false, false},
        {EPOLLOUT, false, true, false, false},
        {EPOLLIN | EPOLLRDHUP, true, false, true, false},
        {EPOLLRDHUP, true, false, true, false},
        {EPOLLHUP, true, true, true, true},
        {EPOLLERR, true, true, true, true},
    };
    for (auto const& each : reports) {
        CAPTURE(each.events);
        registration r;
        auto const generation = r.begin();
        auto const noted = r.look();
        r.clear(direction::read, noted);
        r.clear(direction::write, noted);
        r.raise(generation, each.events);
        auto const now = r.look();
        CHECK(now.ready(direction::read) == each.readable);
        CHECK(now.ready(direction::write) == each.writable);
        CHECK(now.ended(direction::read) == each.read_ended);
        CHECK(now.ended(direction::write) == each.write_ended);
    }
}

TEST_CASE("registration: all waiters of a direction are woken, and those of the other are not") {
    registration r;
    auto const generation = r.begin();
    auto const noted = r.look();
    r.clear(direction::read, noted);
    r.clear(direction::write, noted);
    std::atomic<int> readers{0}, writers{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                while (!r.look().ready(direction::read)) r.wait(waiter::self(), direction::read, "read");
                ++readers;
            });
            threads.emplace_back([&] {
                while (!r.look().ready(direction::write)) r.wait(waiter::self(), direction::write, "write");
                ++writers;
            });
        }
        r.raise(generation, EPOLLIN);
        while (readers < 4) std::this_thread::yield();
        CHECK(writers == 0);
        r.raise(generation, EPOLLOUT);
    }
    CHECK(writers == 4);
}

TEST_CASE("registration: closing and unwatching wake all waiters, for good") {
    for (bool const by_closing : {true, false}) {
        registration r;
        (void)r.begin();
        auto const noted = r.look();
        r.clear(direction::read, noted);
        r.clear(direction::write, noted);
        {
            std::jthread reader([&] { r.wait(waiter::self(), direction::read, "read"); });
            std::jthread writer([&] { r.wait(waiter::self(), direction::write, "write"); });
            if (by_closing) r.close();
            else r.unwatch();
        }
        r.wait(waiter::self(), direction::read, "read");
        CHECK(r.look().is_closed() == by_closing);
        CHECK(r.look().is_unwatched() != by_closing);
    }
}

TEST_CASE("registration: a select's wait is queued unless it may go on, and if it will not look, unless nothing will come") {
    auto& self = waiter::self();
    registration r;
    auto const generation = r.begin();
    wait_node node(self);
    node.selecting = true;
    CHECK_FALSE(r.enlist(direction::read, node, false));  // ready
    CHECK(r.enlist(direction::read, node, true));
    CHECK_FALSE(r.withdraw(direction::read, node));
    r.clear(direction::read, r.look());
    CHECK(r.enlist(direction::read, node, false));
    r.raise(generation, EPOLLOUT);
    CHECK_FALSE(r.withdraw(direction::read, node));
    CHECK(r.enlist(direction::read, node, false));
    r.raise(generation, EPOLLIN);
    CHECK(r.withdraw(direction::read, node));
    for (bool const closed : {true, false}) {
        registration ended;
        (void)ended.begin();
        closed ? ended.close() : ended.unwatch();
        for (bool const whenever : {true, false}) {
            wait_node late(self);
            CHECK_FALSE(ended.enlist(direction::write, late, whenever));
        }
    }
}
