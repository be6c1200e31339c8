// solitude: the only worker takes without read-modify-writes until company comes.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "queues/solitude.hpp"

#include <ramie/detail/fence/asymmetric_fence.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::solitude;

TEST_CASE("model: solitude: while the owner is inside nobody else comes") {
    check(everything, [] {
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
            s->alone.end();
            ramie::detail::heavy_fence();
            if (!s->alone.owner_is_inside()) ++s->inside;
        });
    });
}
