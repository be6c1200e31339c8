// The gate itself: of the side that passes and the side that closes, one sees what the other has done.
#include "fence_mode.hpp"

#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/detail/fence/asymmetric_gate.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>

using namespace ramie::model;
using ramie::detail::asymmetric_gate;
using enum std::memory_order;

TEST_CASE("model: asymmetric_gate: what was written before it was passed is seen by the thread that has closed it") {
    in_all_fence_modes([](auto const& set_mode) {
        check(everything, [=] {
            set_mode();
            struct state {
                asymmetric_gate gate;
                std::array<atomic<bool>, 2> written;
                std::array<bool, 2> passed{}, seen{};
            };
            auto s = std::make_shared<state>();
            s->gate.open();
            for (std::size_t i = 0; i < 2; ++i) {
                thread([=] {
                    s->written[i].store(true, relaxed);
                    s->passed[i] = s->gate.pass();
                });
            }
            thread([=] {
                s->gate.close();
                for (std::size_t i = 0; i < 2; ++i) s->seen[i] = s->written[i].load(relaxed);
            });
            finally([=] {
                for (std::size_t i = 0; i < 2; ++i) require(!s->passed[i] || s->seen[i], "neither saw the other");
            });
        });
    });
}

TEST_CASE("model: asymmetric_gate: the same each time it is closed, and what was done meanwhile comes before a later pass") {
    in_all_fence_modes([](auto const& set_mode) {
        check({4, 3}, [=] {
            set_mode();
            struct state {
                asymmetric_gate gate;
                atomic<int> inside{0};
                int touched = 0;  // without any order of its own
            };
            auto s = std::make_shared<state>();
            s->gate.open();
            thread([=] {
                for (int i = 0; i < 2; ++i) {
                    s->inside.store(1, relaxed);
                    if (s->gate.pass()) ++s->touched;
                    s->inside.store(0, release);
                }
            });
            thread([=] {
                for (int i = 0; i < 2; ++i) {
                    s->gate.close();
                    if (s->inside.load(acquire) == 0) ++s->touched;
                    s->gate.open();
                }
            });
        });
    });
}
