#include <ramie/detail/fence/asymmetric_fence.hpp>

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/switch/calling_out.hpp>

#include <chrono>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

bool command(int what) noexcept { return ::syscall(SYS_membarrier, what, 0, 0) == 0; }

// Steps 1 and 2. A sandbox that forbids one call may have forbidden nanosleep as well.
void sit_out() noexcept {
    auto expected = fence_mode::light;
    light_fence_mode.compare_exchange_strong(expected, fence_mode::changing, std::memory_order_seq_cst);
    constexpr std::chrono::milliseconds long_enough{10};
    auto const end = std::chrono::steady_clock::now() + long_enough;
    constexpr timespec nap{0, 1'000'000};
    calling_out const not_the_fibers;
    while (std::chrono::steady_clock::now() < end)
        if (::nanosleep(&nap, nullptr) != 0) cpu_pause();
    light_fence_mode.store(fence_mode::full, std::memory_order_seq_cst);
}

}  // namespace

// A forked child is registered as its parent was.
atomic<fence_mode> light_fence_mode{command(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) ? fence_mode::light
                                                                                            : fence_mode::full};

void heavy_fence() noexcept {
    thread_fence(std::memory_order_seq_cst);
    auto const mode = light_fence_mode.load(std::memory_order_relaxed);
    if (mode == fence_mode::full) return;
    if (mode == fence_mode::light && command(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) [[likely]] return;
    sit_out();
}

void heavy_fence_for_compiler_fence() noexcept {
    thread_fence(std::memory_order_seq_cst);
    if (light_fences_are_light() && command(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) [[likely]] return;
    sit_out();
}

}  // namespace ramie::detail
