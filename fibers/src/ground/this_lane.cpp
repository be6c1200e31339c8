#include <ramie/detail/ground/this_lane.hpp>

#include <ramie/detail/fence/bias.hpp>
#include <ramie/detail/switch/lane.hpp>

namespace ramie::detail {

// Assembly uses their names, which link-time optimisation does not see.
#if __has_cpp_attribute(gnu::externally_visible)
#define RAMIE_NAMED_IN_ASSEMBLY [[gnu::used, gnu::externally_visible]]
#else
#define RAMIE_NAMED_IN_ASSEMBLY [[gnu::used]]
#endif
RAMIE_NAMED_IN_ASSEMBLY constinit thread_local lane* ramie_lane_here = nullptr;
RAMIE_NAMED_IN_ASSEMBLY constinit thread_local lane_number ramie_bias_here = bias::stranger;

#if !defined(__x86_64__)
RAMIE_NOIPA lane* this_lane() noexcept { return ramie_lane_here; }
RAMIE_NOIPA lane_number this_bias() noexcept { return ramie_bias_here; }
#endif

RAMIE_NOIPA void bind_lane(lane* l) noexcept {
    ramie_lane_here = l;
    ramie_bias_here = l != nullptr ? l->number : bias::stranger;
}

}  // namespace ramie::detail
