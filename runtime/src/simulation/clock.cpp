#include <ramie/clock.hpp>

#include <ramie/detail/simulation/stage.hpp>
#include <ramie/detail/task/carrier.hpp>

namespace ramie {

steady_clock::time_point steady_clock::now() noexcept {
    return detail::carrier::now();
}

system_clock::time_point system_clock::now() noexcept {
    using namespace std::chrono;
    constexpr sys_days start = 2030y / January / 1;
    if (auto const* const on = detail::this_stage())
        return from_sys(start + duration_cast<duration>(on->now() - detail::stage::start));
    return from_sys(std::chrono::system_clock::now());
}

}  // namespace ramie
