// solitude: the only worker takes without read-modify-writes until company comes.
#include "fence_mode.hpp"

#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/detail/fence/solitude.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::solitude;

TEST_CASE("model: solitude: while the owner is inside nobody else comes") {
    in_all_fence_modes([](auto const& set_mode) {
        check(everything, [=] {
            set_mode();
            struct state {
                solitude alone{true};
                int inside = 0;  // touched without any order
            };
            auto s = std::make_shared<state>();
            thread([=] {
                for (int i = 0; i < 2; ++i) {
                    if (!s->alone.enter()) return;
                    ++s->inside;
                    s->alone.leave();
                }
            });
            thread([=] {
                if (s->alone.end()) ++s->inside;
            });
        });
    });
}

// What company does that finds nothing is to sleep; the owner wakes it if it must (idle_test.cpp).
TEST_CASE("model: solitude: what the owner added is seen by the company, or the owner sees that it must wake it") {
    in_all_fence_modes([](auto const& set_mode) {
        check(everything, [=] {
            set_mode();
            struct state {
                solitude alone{true};
                atomic<int> queue{0};
                bool came = false, found = false, wakes = false;
            };
            auto s = std::make_shared<state>();
            thread([=] {
                s->queue.store(1, std::memory_order_relaxed);
                s->wakes = !s->alone.needs_no_wake();
            });
            thread([=] {
                s->came = s->alone.end();
                s->found = s->queue.load(std::memory_order_relaxed) == 1;
            });
            finally([=] {
                require(s->came, "the owner was never inside");
                require(s->found || s->wakes, "the company sleeps beside what waits");
            });
        });
    });
}

TEST_CASE("model: solitude: it begins again, and company that comes after that is kept out as before") {
    in_all_fence_modes([](auto const& set_mode) {
        check(everything, [=] {
            set_mode();
            struct state {
                solitude alone{true};
                ramie::detail::atomic<bool> crew{false};  // the crew's lock, which is only tried here
                int inside = 0;  // touched without any order
            };
            auto s = std::make_shared<state>();
            require(s->alone.end(), "the owner is not inside");
            thread([=] {
                if (s->crew.exchange(true, std::memory_order_acquire)) return;
                s->alone.begin();
                s->crew.store(false, std::memory_order_release);
                if (!s->alone.enter()) return;
                ++s->inside;
                s->alone.leave();
            });
            thread([=] {
                if (s->crew.exchange(true, std::memory_order_acquire)) return;
                if (s->alone.end()) ++s->inside;
                s->crew.store(true, std::memory_order_release);  // there is company
            });
        });
    });
}
