#include "thread_locks.hpp"

#include <ramie/detail/ground/config.hpp>

#include <utility>

#include <sys/mman.h>

namespace ramie::hook {

namespace {
constinit thread_local thread_locks mine;
}  // namespace

// Opaque: a compiler must not keep the address over a switch to another thread.
RAMIE_NOIPA thread_locks& thread_locks::here() noexcept { return mine; }

std::size_t thread_locks::start_of(void const* lock) const noexcept {
    return (reinterpret_cast<std::uintptr_t>(lock) * 0x9e3779b97f4a7c15u >> 20) & (size_ - 1);
}

thread_locks::holding* thread_locks::look(void const* lock) noexcept {
    for (auto i = start_of(lock);; i = (i + 1) & (size_ - 1)) {
        if (slots()[i].lock == lock) return &slots()[i];
        if (slots()[i].lock == nullptr) return nullptr;
    }
}

bool thread_locks::grow() noexcept {
    auto const size = size_ == first_size ? 128 : size_ * 2;
    auto* const room = ::mmap(nullptr, size * sizeof(holding), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) return false;
    auto* const before = slots();
    auto const size_before = size_;
    table_ = static_cast<holding*>(room);
    size_ = size;
    for (std::size_t i = 0; i < size_before; ++i) {
        if (before[i].lock == nullptr) continue;
        auto at = start_of(before[i].lock);
        while (table_[at].lock != nullptr) at = (at + 1) & (size_ - 1);
        table_[at] = std::exchange(before[i], {});
    }
    if (before != first_) ::munmap(before, size_before * sizeof(holding));
    return true;
}

bool thread_locks::add(void const* lock, std::uint64_t fiber) noexcept {
    if (count_ * 2 >= size_ && !grow()) return false;
    auto at = start_of(lock);
    while (slots()[at].lock != nullptr) at = (at + 1) & (size_ - 1);
    slots()[at] = {lock, fiber, 1};
    ++count_;
    return true;
}

// Moves up the entries behind it that a search would not find any more.
void thread_locks::remove(holding& h) noexcept {
    auto const mask = size_ - 1;
    auto hole = static_cast<std::size_t>(&h - slots());
    for (auto i = (hole + 1) & mask; slots()[i].lock != nullptr; i = (i + 1) & mask) {
        auto const wanted = start_of(slots()[i].lock);
        if (((i - wanted) & mask) < ((i - hole) & mask)) continue;
        slots()[hole] = slots()[i];
        hole = i;
    }
    slots()[hole] = {};
    if (--count_ != 0 || table_ == nullptr) return;
    ::munmap(table_, size_ * sizeof(holding));
    table_ = nullptr;
    size_ = first_size;
}

}  // namespace ramie::hook
