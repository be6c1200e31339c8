// One descriptor's readiness: what is reported is found, however the report, a read that finds nothing, and the wait meet.
//
// The descriptor is a count of bytes; the kernel is a thread that adds one and reports that.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "ready/registration.hpp"

#include <doctest/doctest.h>

#include <memory>

#include <sys/epoll.h>

using namespace ramie::model;
using ramie::detail::direction;
using ramie::detail::registration;
using ramie::detail::waiter;
using enum std::memory_order;

namespace {

struct descriptor {
    registration ready;
    std::uint32_t generation = ready.begin();
    atomic<int> bytes{0};

    void arrive() {
        bytes.fetch_add(1, relaxed);
        ready.raise(generation, EPOLLIN);
    }
    bool take() {
        auto n = bytes.load(relaxed);
        while (n > 0)
            if (bytes.compare_exchange_strong(n, n - 1, relaxed)) return true;
        return false;
    }
    // A read as transfer() has it. False: closed.
    bool read() {
        for (;;) {
            auto const noted = ready.look();
            if (noted.is_closed()) return false;
            if (!noted.ready(direction::read)) {
                ready.wait(waiter::self(), direction::read, "read");
                continue;
            }
            if (take()) return true;
            ready.clear(direction::read, noted);
        }
    }
};

}  // namespace

TEST_CASE("model: registration: a reader gets all that is reported, whenever it looked") {
    check({2, 2}, [] {
        auto s = std::make_shared<descriptor>();
        thread([=] {
            require(s->read() && s->read(), "closed?");
        });
        thread([=] {
            s->arrive();
            s->arrive();
        });
    });
}

TEST_CASE("model: registration: one report wakes all readers, and each of them looks again") {
    check({1, 1}, [] {
        auto s = std::make_shared<descriptor>();
        for (int i = 0; i < 2; ++i) thread([=] { require(s->read(), "closed?"); });
        thread([=] {
            s->arrive();
            s->arrive();
        });
    });
}

TEST_CASE("model: registration: a reader leaves when the descriptor is closed, also if the close comes first") {
    check({2, 1}, [] {
        auto s = std::make_shared<descriptor>();
        thread([=] {
            while (s->read()) {}
        });
        thread([=] { s->arrive(); });
        thread([=] { s->ready.close(); });
    });
}

TEST_CASE("model: registration: a report for an earlier descriptor is not one for this") {
    check(everything, [] {
        auto s = std::make_shared<descriptor>();
        thread([=] {
            s->ready.close();
            s->generation = s->ready.begin(false);
        });
        thread([=, first = s->generation] { s->ready.raise(first, EPOLLIN); });
        finally([=] { require(!s->ready.look().ready(direction::read), "readable by an old report"); });
    });
}

TEST_CASE("model: registration: the end of a runtime reaches a registration that begins, or the beginner sees the end") {
    check(everything, [] {
        auto s = std::make_shared<descriptor>();
        auto ends = std::make_shared<atomic<bool>>(false);
        auto seen = std::make_shared<bool>(false);
        thread([=] {
            (void)s->ready.begin();
            *seen = ends->load(relaxed);
        });
        thread([=] {
            ends->store(true, relaxed);  // begin() and the end order it by themselves
            s->ready.unwatch();
        });
        finally([=] { require(*seen || s->ready.look().is_unwatched(), "neither saw the other"); });
    });
}
