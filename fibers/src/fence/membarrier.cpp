#include <ramie/detail/fence/membarrier.hpp>

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
}  // namespace

// A forked child is registered as its parent was.
atomic<bool> membarrier_works{command(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)};

bool fence_every_thread() noexcept {
    if (!membarrier_works.load(std::memory_order_relaxed)) return false;
    if (command(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) [[likely]] return true;
    membarrier_works.store(false, std::memory_order_relaxed);
    return false;
}

// A sandbox that forbids one call may have forbidden nanosleep as well.
void wait_for_store_buffers() noexcept {
    constexpr std::chrono::milliseconds long_enough{10};
    constexpr timespec nap{0, 1'000'000};
    auto const end = std::chrono::steady_clock::now() + long_enough;
    calling_out const not_the_fibers;
    while (std::chrono::steady_clock::now() < end)
        if (::nanosleep(&nap, nullptr) != 0) cpu_pause();
}

}  // namespace ramie::detail
