#include <ramie/detail/asymmetric_fence.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ramie::detail {

namespace {
bool command(int what) noexcept { return ::syscall(SYS_membarrier, what, 0, 0) == 0; }
}  // namespace

bool membarrier_works = command(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);

void heavy_fence() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    // A forked child is registered as its parent was.
    if (membarrier_works) (void)command(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

}  // namespace ramie::detail
