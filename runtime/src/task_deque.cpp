#include "task_deque.hpp"

namespace ramie::detail {

namespace {
constexpr std::int64_t first_capacity = 256;
}

task_deque::task_deque(bool alone) : alone_(alone) {
    buffers_.push_back(std::make_unique<buffer>(first_capacity));
    buffer_.store(buffers_.back().get(), std::memory_order_relaxed);
}

bool task_deque::push_growing(task& t) noexcept {
    auto const b = bottom_.load(std::memory_order_relaxed);
    auto const first = top_.load(std::memory_order_acquire);
    try {
        auto& old = *buffer_.load(std::memory_order_relaxed);
        auto grown = std::make_unique<buffer>(old.capacity * 2);
        for (auto i = first; i < b; ++i)
            grown->at(i).store(old.at(i).load(std::memory_order_relaxed), std::memory_order_relaxed);
        buffers_.push_back(std::move(grown));
    } catch (std::bad_alloc const&) {
        return false;
    }
    // release pairs with the acquire in steal(): the copied entries are there.
    buffer_.store(buffers_.back().get(), std::memory_order_release);
    if (alone_.enter()) {
        buffers_.erase(buffers_.begin(), buffers_.end() - 1);
        alone_.leave();
    }
    buffer_.load(std::memory_order_relaxed)->at(b).store(&t, std::memory_order_relaxed);
    bottom_.store(b + 1, std::memory_order_release);
    return true;
}

task* task_deque::pop_contended(std::int64_t b) noexcept {
    bottom_.store(b, std::memory_order_seq_cst);      // step 1; pairs with steal's read of bottom_
    auto first = top_.load(std::memory_order_seq_cst);  // step 2; pairs with steal's CAS
    task* taken = nullptr;
    if (first <= b) {
        taken = buffer_.load(std::memory_order_relaxed)->at(b).load(std::memory_order_relaxed);
        if (first < b) return taken;
        if (!top_.compare_exchange_strong(first, first + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
            taken = nullptr;
    }
    bottom_.store(b + 1, std::memory_order_relaxed);
    return taken;
}

task* task_deque::steal() noexcept {
    auto first = top_.load(std::memory_order_seq_cst);
    auto const last = bottom_.load(std::memory_order_seq_cst);
    if (first >= last) return nullptr;
    auto* const taken = buffer_.load(std::memory_order_acquire)->at(first).load(std::memory_order_relaxed);
    if (!top_.compare_exchange_strong(first, first + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
        return nullptr;
    stolen_.fetch_add(1, std::memory_order_relaxed);
    return taken;
}

}  // namespace ramie::detail
