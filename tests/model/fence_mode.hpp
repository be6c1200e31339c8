// The ways of the asymmetric gate: with membarrier, without, and where a gate is open when the kernel begins to refuse it.
#pragma once

#include <ramie/detail/fence/membarrier.hpp>

#include <doctest/doctest.h>

#include <string>

namespace ramie::model {

extern bool membarrier_is_refused;  // system.cpp: from the next call on

// check(set): each run calls set() before it makes a gate.
template <class Check>
void in_all_fence_modes(Check&& check) {
    struct mode {
        std::string name;
        bool works, is_refused;
    };
    for (auto const& m : {mode{"with membarrier", true, false}, {"without", false, false}, {"refused later", true, true}}) {
        CAPTURE(m.name);
        check([m] {
            detail::membarrier_works.store(m.works, std::memory_order_relaxed);
            membarrier_is_refused = m.is_refused;
        });
    }
    membarrier_is_refused = false;
}

}  // namespace ramie::model
