// next_slot: its owner against thieves.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "fence_mode.hpp"
#include "passed_tasks.hpp"
#include "queues/next_slot.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>

using namespace ramie::model;
using ramie::detail::next_slot;

namespace {

struct state : passed_tasks {
    next_slot slot;
};

}  // namespace

TEST_CASE("model: next_slot: each task is got once, by its owner or by a thief") {
    in_all_fence_modes([](auto const use_mode) {
        check({3, 2}, [=] {
            use_mode();
            auto s = std::make_shared<state>();
            thread([=] {
                s->take(s->slot.put(s->make(0)));
                s->take(s->slot.put(s->make(1)));
                s->take(s->slot.take());
            });
            thread([=] { s->take(s->slot.steal()); });
            finally([=] {
                s->take(s->slot.take());
                s->all_got(2);
            });
        });
        check({2, 1}, [=] {
            use_mode();
            auto s = std::make_shared<state>();
            thread([=] {
                s->take(s->slot.put(s->make(0)));
                s->take(s->slot.put(s->make(1)));
            });
            for (int i = 0; i < 2; ++i) thread([=] { s->take(s->slot.steal()); });
            finally([=] {
                s->take(s->slot.take());
                s->all_got(2);
            });
        });
    });
}

// What a worker does between its sleep fence and its sleep (idle.md).
TEST_CASE("model: next_slot: one who looks whether it is full before it sleeps, and one who fills it and looks for sleepers") {
    check(everything, [] {
        auto s = std::make_shared<state>();
        auto sleeps = std::make_shared<atomic<bool>>(false);
        auto found = std::make_shared<std::array<bool, 2>>();
        thread([=] {
            s->take(s->slot.put(s->make(0)));
            thread_fence(std::memory_order_seq_cst);
            (*found)[0] = sleeps->load(std::memory_order_relaxed);
        });
        thread([=] {
            sleeps->store(true, std::memory_order_seq_cst);
            (*found)[1] = s->slot.is_full();
        });
        finally([=] { require((*found)[0] || (*found)[1], "neither saw the other"); });
    });
}
