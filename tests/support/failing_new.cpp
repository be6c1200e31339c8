#include "failing_new.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace ramie::testing {

namespace {

constexpr long never = std::numeric_limits<long>::max() / 2;
std::atomic<long> left{never};  // allocations that succeed
std::atomic<bool> for_good{false};
std::atomic<long> alive{0}, asked{0};

bool may_have() noexcept {
    auto const before = left.fetch_sub(1, std::memory_order_relaxed);
    return before > 0 || (before < 0 && !for_good.load(std::memory_order_relaxed));
}

}  // namespace

failing_new::failing_new(std::size_t n, how many) noexcept {
    for_good = many == how::from_then_on;
    left = static_cast<long>(n) - 1;
}
failing_new::~failing_new() { (void)stop(); }
bool failing_new::stop() noexcept { return left.exchange(never) < 0; }

long blocks_alive() noexcept { return alive.load(std::memory_order_relaxed); }
long allocations() noexcept { return asked.load(std::memory_order_relaxed); }

void* give(std::size_t size, std::size_t alignment) {
    void* const block = !may_have() ? nullptr
                        : alignment <= alignof(std::max_align_t)
                            ? std::malloc(std::max<std::size_t>(size, 1))
                            : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block == nullptr) throw std::bad_alloc();
    alive.fetch_add(1, std::memory_order_relaxed);
    return block;
}

void* give_or_throw(std::size_t size, std::size_t alignment) {
    asked.fetch_add(1, std::memory_order_relaxed);
    return give(size, alignment);
}

void take_back(void* block) noexcept {
    if (block == nullptr) return;
    alive.fetch_sub(1, std::memory_order_relaxed);
    std::free(block);
}

}  // namespace ramie::testing

void* operator new(std::size_t size) { return ramie::testing::give_or_throw(size, 0); }
void* operator new(std::size_t size, std::align_val_t a) {
    return ramie::testing::give_or_throw(size, static_cast<std::size_t>(a));
}
// A sanitizer's own would not go together with the deletes below.
void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
    try {
        return ramie::testing::give(size, 0);
    } catch (std::bad_alloc const&) {
        return nullptr;
    }
}
void operator delete(void* block) noexcept { ramie::testing::take_back(block); }
void operator delete(void* block, std::size_t) noexcept { ramie::testing::take_back(block); }
void operator delete(void* block, std::align_val_t) noexcept { ramie::testing::take_back(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { ramie::testing::take_back(block); }
