// Both ways of the asymmetric fences: with membarrier, and with full fences on both sides where the kernel has none.
#pragma once

#include <ramie/detail/fence/asymmetric_fence.hpp>

#include <doctest/doctest.h>

namespace ramie::model {

template <class Check>
void in_both_fence_modes(Check&& check) {
    using detail::fence_mode;
    for (auto const mode : {fence_mode::light, fence_mode::full}) {
        CAPTURE(mode == fence_mode::full);
        check([mode] { detail::light_fence_mode.store(mode, std::memory_order_relaxed); });
    }
}

}  // namespace ramie::model
