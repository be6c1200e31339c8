#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/select/selection.hpp>

#include <utility>

namespace ramie::detail {

void shuffle(std::uint8_t* order, std::size_t n) noexcept {
    // One step of a Weyl sequence, then mixed: cheap, and without per-thread state, since a fiber could leave the
    // thread.
    static atomic<std::uint64_t> step{0};
    auto x = step.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
    for (std::size_t i = 0; i < n; ++i) {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        x ^= x >> 31;
        // Each new number swaps with a random one of those before it, or with itself.
        auto const j = static_cast<std::size_t>(x % (i + 1));
        order[i] = static_cast<std::uint8_t>(i);
        std::swap(order[i], order[j]);
    }
}

}  // namespace ramie::detail
