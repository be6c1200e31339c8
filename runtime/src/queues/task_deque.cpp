#include "queues/task_deque.hpp"

#include <ramie/detail/fence/atomic.hpp>

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include <sys/mman.h>

namespace ramie::detail {

namespace {

constexpr std::int64_t first_capacity = usual_or_in_model(256, 2);
// Larger ones are mappings, so that pages can be returned while a thief still looks at them.
constexpr std::size_t smallest_mapping = std::size_t{64} << 10;

}  // namespace

task_deque::buffer::buffer(std::int64_t n) : capacity(n) {
    if (!is_mapped()) {
        slots_ = new atomic<task*>[static_cast<std::size_t>(n)]{};
        return;
    }
    void* const at = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    slots_ = static_cast<atomic<task*>*>(at);  // zero is null
}

task_deque::buffer::~buffer() {
    if (is_mapped()) ::munmap(slots_, bytes());
    else delete[] slots_;
}

bool task_deque::buffer::is_mapped() const noexcept { return bytes() >= smallest_mapping; }

void task_deque::buffer::clear() noexcept {
    // release pairs with the acquire in steal(): a thread that reads null sees which buffer is in use instead.
    for (std::int64_t i = 0; i < capacity; ++i)
        if (at(i).load(std::memory_order_relaxed) != nullptr) at(i).store(nullptr, std::memory_order_release);
    if (is_mapped()) ::madvise(slots_, bytes(), MADV_DONTNEED);
    clear_ = true;
}

task_deque::task_deque(solitude& alone) : alone_(alone) {
    buffers_.push_back(std::make_unique<buffer>(first_capacity));
    buffers_.back()->use();
    buffer_.store(buffers_.back().get(), std::memory_order_relaxed);
}

task_deque::buffer& task_deque::buffer_of(std::int64_t capacity) {
    for (auto const& known : buffers_)
        if (known->capacity == capacity) return *known;
    return *buffers_.emplace_back(std::make_unique<buffer>(capacity));
}

// Throws std::bad_alloc; then nothing has changed.
void task_deque::move_to(std::int64_t capacity) {
    auto& old = *buffer_.load(std::memory_order_relaxed);
    auto& next = buffer_of(capacity);
    next.use();
    auto const b = bottom_.load(std::memory_order_relaxed);
    for (auto i = top_.load(std::memory_order_acquire); i < b; ++i)
        next.at(i).store(old.at(i).load(std::memory_order_relaxed), std::memory_order_relaxed);
    // release pairs with the acquire in steal(): the copied entries are there.
    buffer_.store(&next, std::memory_order_release);
    if (alone_.enter()) {
        std::erase_if(buffers_, [&](auto const& other) { return other.get() != &next; });
        alone_.leave();
    }
}

bool task_deque::push_growing(task& t) noexcept {
    try {
        move_to(buffer_.load(std::memory_order_relaxed)->capacity * 2);
    } catch (std::bad_alloc const&) {
        return false;
    }
    has_grown_ = true;
    auto const b = bottom_.load(std::memory_order_relaxed);
    buffer_.load(std::memory_order_relaxed)->at(b).store(&t, std::memory_order_relaxed);
    bottom_.store(b + 1, std::memory_order_release);
    return true;
}

bool task_deque::trim() noexcept {
    bool const had_grown = std::exchange(has_grown_, false);
    auto const enough = std::max(first_capacity, static_cast<std::int64_t>(std::bit_ceil(4 * size())));
    if (!had_grown && 2 * enough <= buffer_.load(std::memory_order_relaxed)->capacity) {
        try {
            move_to(enough);
        } catch (std::bad_alloc const&) {
            return true;  // another time
        }
    }
    for (auto const& b : buffers_)
        if (b.get() != buffer_.load(std::memory_order_relaxed) && !b->is_clear()) b->clear();
    return had_grown;
}

std::size_t task_deque::capacity() const noexcept {
    std::size_t sum = 0;
    for (auto const& b : buffers_)
        if (!b->is_clear()) sum += static_cast<std::size_t>(b->capacity);
    return sum;
}

task* task_deque::pop_contended(std::int64_t b) noexcept {
    bottom_.store(b, std::memory_order_seq_cst);      // step 1; pairs with steal's read of bottom_
    auto first = top_.load(std::memory_order_seq_cst);  // step 2; pairs with steal's read of top_
    task* taken = nullptr;
    if (first <= b) {
        taken = buffer_.load(std::memory_order_relaxed)->at(b).load(std::memory_order_relaxed);
        if (first < b) return taken;
        // relaxed: whoever reads this top_ comes after step 2 (task_deque.hpp).
        if (!top_.compare_exchange_strong(first, first + 1, std::memory_order_relaxed)) taken = nullptr;
    }
    bottom_.store(b + 1, std::memory_order_relaxed);
    return taken;
}

task* task_deque::steal() noexcept {
    auto first = top_.load(std::memory_order_seq_cst);
    auto const last = bottom_.load(std::memory_order_seq_cst);
    if (first >= last) return nullptr;
    auto* from = buffer_.load(std::memory_order_acquire);
    auto* taken = from->at(first).load(std::memory_order_acquire);  // pairs with clear()
    while (taken == nullptr) [[unlikely]] {
        auto* const present = buffer_.load(std::memory_order_acquire);
        if (present == from) return nullptr;  // the entry was taken meanwhile
        from = present;
        taken = from->at(first).load(std::memory_order_acquire);
    }
    // release pairs with the acquire in push(). It need not be sequentially consistent: see task_deque.hpp.
    if (!top_.compare_exchange_strong(first, first + 1, std::memory_order_release, std::memory_order_relaxed))
        return nullptr;
    stolen_.fetch_add(1, std::memory_order_relaxed);
    return taken;
}

}  // namespace ramie::detail
