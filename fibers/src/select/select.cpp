#include <ramie/detail/select/selection.hpp>
#include <ramie/detail/task/carrier.hpp>

#include <utility>

namespace ramie::detail {

void shuffle(std::uint8_t* order, std::size_t n) noexcept {
    auto x = carrier::fair_number();
    for (std::size_t i = 0; i < n; ++i) {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        x ^= x >> 31;
        // Each new number swaps with a random one of those before it, or with itself: with 0, the order stays.
        auto const j = i - static_cast<std::size_t>(x % (i + 1));
        order[i] = static_cast<std::uint8_t>(i);
        std::swap(order[i], order[j]);
    }
}

}  // namespace ramie::detail
