#include "thread_locks.hpp"

#include <ramie/detail/ground/config.hpp>

#include <sys/mman.h>

namespace ramie::hook {

namespace {
// Its table stays mapped when the thread ends: there are few workers.
constinit thread_local thread_locks mine;
}  // namespace

// Opaque: a compiler must not keep the address over a switch to another thread.
RAMIE_NOIPA thread_locks& thread_locks::here() noexcept { return mine; }

std::size_t thread_locks::start_of(void const* lock) const noexcept {
    return (reinterpret_cast<std::uintptr_t>(lock) * 0x9e3779b97f4a7c15u >> 20) & (size_ - 1);
}

thread_locks::holding* thread_locks::look(void const* lock) noexcept {
    for (auto i = start_of(lock);; i = (i + 1) & (size_ - 1)) {
        if (slots_[i].lock == lock) return &slots_[i];
        if (slots_[i].lock == nullptr) return nullptr;
    }
}

bool thread_locks::grow() noexcept {
    auto const size = size_ != 0 ? size_ * 2 : 128;
    auto* const room = ::mmap(nullptr, size * sizeof(holding), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) return false;
    auto* const before = slots_;
    auto const size_before = size_;
    slots_ = static_cast<holding*>(room);
    size_ = size;
    for (std::size_t i = 0; i < size_before; ++i) {
        if (before[i].lock == nullptr) continue;
        auto at = start_of(before[i].lock);
        while (slots_[at].lock != nullptr) at = (at + 1) & (size_ - 1);
        slots_[at] = before[i];
    }
    if (before != nullptr) ::munmap(before, size_before * sizeof(holding));
    return true;
}

bool thread_locks::add(void const* lock, std::uint64_t fiber) noexcept {
    if (count_ * 2 >= size_ && !grow()) return false;
    auto at = start_of(lock);
    while (slots_[at].lock != nullptr) at = (at + 1) & (size_ - 1);
    slots_[at] = {lock, fiber, 1};
    ++count_;
    return true;
}

// Moves up the entries behind it that a search would not find any more.
void thread_locks::remove(holding& h) noexcept {
    auto const mask = size_ - 1;
    auto hole = static_cast<std::size_t>(&h - slots_);
    for (auto i = (hole + 1) & mask; slots_[i].lock != nullptr; i = (i + 1) & mask) {
        auto const wanted = start_of(slots_[i].lock);
        if (((i - wanted) & mask) < ((i - hole) & mask)) continue;
        slots_[hole] = slots_[i];
        hole = i;
    }
    slots_[hole] = {};
    --count_;
}

}  // namespace ramie::hook
