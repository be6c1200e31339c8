// run_ring: its owner against thieves. Four slots.
#include "passed_tasks.hpp"
#include "queues/run_ring.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::run_ring;

namespace {

struct state : passed_tasks {
    ramie::detail::solitude alone{false}, others{false};
    run_ring ring{alone}, other{others};
};

}  // namespace

TEST_CASE("model: run_ring: each task is got once, by its owner or by one of two thieves") {
    check({2, 2}, [] {
        auto s = std::make_shared<state>();
        thread([=] {
            for (std::size_t i = 0; i < 3; ++i) require(s->ring.push(*s->make(i)), "it is full too early");
            s->take(s->ring.pop());
        });
        thread([=] { s->take(s->ring.steal()); });
        thread([=] { s->take(s->ring.steal()); });
        finally([=] {
            while (auto* const t = s->ring.pop()) s->take(t);
            s->all_got(3);
        });
    });
}

TEST_CASE("model: run_ring: one thief takes half, another one task, of what the owner pushes meanwhile") {
    check({1, 2}, [] {
        auto s = std::make_shared<state>();
        thread([=] {
            for (std::size_t i = 0; i < 3; ++i) require(s->ring.push(*s->make(i)), "it is full too early");
        });
        thread([=] { s->take(s->ring.steal_into(s->other)); });
        thread([=] { s->take(s->ring.steal()); });
        finally([=] {
            while (auto* const t = s->ring.pop()) s->take(t);
            while (auto* const t = s->other.pop()) s->take(t);
            s->all_got(3);
        });
    });
}

TEST_CASE("model: run_ring: a slot is used again only when it was read") {
    check({3, 2}, [] {
        auto s = std::make_shared<state>();
        for (std::size_t i = 0; i < 4; ++i) require(s->ring.push(*s->make(i)), "it is full too early");
        thread([=] {
            if (s->ring.push(*s->make(4))) return;
            s->take(s->ring.pop());
            require(s->ring.push(*s->make(4)), "it is full, though one has left");
        });
        thread([=] { s->take(s->ring.steal()); });
        finally([=] {
            while (auto* const t = s->ring.pop()) s->take(t);
            s->all_got(5);
        });
    });
}

TEST_CASE("model: run_ring: half of it goes to a thief's ring, from where another thief may take it") {
    check({3, 2}, [] {
        auto s = std::make_shared<state>();
        thread([=] {
            for (std::size_t i = 0; i < 3; ++i) require(s->ring.push(*s->make(i)), "it is full too early");
        });
        thread([=] {
            s->take(s->ring.steal_into(s->other));
            while (auto* const t = s->other.pop()) s->take(t);
        });
        finally([=] {
            while (auto* const t = s->ring.pop()) s->take(t);
            s->all_got(3);
        });
    });
    check({2, 2}, [] {
        auto s = std::make_shared<state>();
        thread([=] {
            for (std::size_t i = 0; i < 3; ++i) require(s->ring.push(*s->make(i)), "it is full too early");
        });
        thread([=] { s->take(s->ring.steal_into(s->other)); });
        thread([=] { s->take(s->other.steal()); });
        finally([=] {
            while (auto* const t = s->ring.pop()) s->take(t);
            while (auto* const t = s->other.pop()) s->take(t);
            s->all_got(3);
        });
    });
}

TEST_CASE("model: run_ring: a thief moves half while the owner goes round") {
    check({3, 1}, [] {
        auto s = std::make_shared<state>();
        for (std::size_t i = 0; i < 4; ++i) require(s->ring.push(*s->make(i)), "it is full too early");
        thread([=] {
            s->take(s->ring.pop());
            s->take(s->ring.pop());
            require(s->ring.push(*s->make(4)) && s->ring.push(*s->make(5)), "it is full, though two have left");
        });
        thread([=] {
            s->take(s->ring.steal_into(s->other));
            while (auto* const t = s->other.pop()) s->take(t);
        });
        finally([=] {
            while (auto* const t = s->ring.pop()) s->take(t);
            s->all_got(6);
        });
    });
}
