#include "ready/shortage.hpp"

#include <ramie/detail/wait/await.hpp>

namespace ramie::detail {

shortage& shortage::of_process() noexcept {
    static shortage only;
    return only;
}

void shortage::wait(waiter& self, std::uint64_t noted, time_point limit) {
    struct counted {
        std::atomic<std::uint32_t>& count;
        explicit counted(std::atomic<std::uint32_t>& c) noexcept : count(c) { count.fetch_add(1, std::memory_order_seq_cst); }
        ~counted() { count.fetch_sub(1, std::memory_order_relaxed); }
    };
    self.abort_point();
    count_pause();
    counted const waits(waiting_);
    (void)wait_until_told(lock_, queue_, self, {"a free descriptor", this}, limit, [&] { return closed() != noted; });
}

void shortage::wake_all() noexcept {
    closed_.fetch_add(1, std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_seq_cst) == 0) return;
    woken_list woken;
    lock_.lock();
    queue_.claim_all(woken);
    lock_.unlock();
    woken.resume_all();
}

}  // namespace ramie::detail
