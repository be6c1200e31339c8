#include "blocks/block_depot.hpp"

#include <ramie/detail/blocks/block_cache.hpp>

#include <algorithm>
#include <new>

namespace ramie::detail {

unsigned block_depot::take(void** to, unsigned wanted) {
    for (;;) {
        {
            word_guard const held(lock_);
            if (auto const n = take_free(to, wanted)) return n;
        }
        add_slab();
    }
}

unsigned block_depot::take_free(void** to, unsigned wanted) noexcept {
    unsigned n = 0;
    while (n < wanted) {
        auto* const slab = to_serve();
        if (slab == nullptr) break;
        n += slab->take(to + n, wanted - n);
        if (slab->full()) serving_.remove(*slab);
    }
    return n;
}

block_slab* block_depot::to_serve() noexcept {
    if (serving_.empty() && !idle_.empty()) {
        auto& slab = idle_.back();
        idle_.remove(slab);
        serving_.push_back(slab);
    }
    return serving_.empty() ? nullptr : &serving_.front();
}

void block_depot::add_slab() {
    auto* const slab = block_slab::map(block_bytes_);
    if (slab == nullptr) throw std::bad_alloc();
    slab->idle_since = std::chrono::steady_clock::now();
    word_guard const held(lock_);
    idle_.push_back(*slab);  // until it serves; another thread may have added one, too
    ++slabs_;
}

void block_depot::put(void* const* blocks, unsigned count) noexcept {
    word_guard const held(lock_);
    for (unsigned i = 0; i < count; ++i) {
        auto& slab = block_slab::of(blocks[i]);
        if (slab.full()) serving_.push_front(slab);
        slab.put(blocks[i]);
        if (!slab.idle()) continue;
        serving_.remove(slab);
        idle_.push_back(slab);
        slab.idle_since = std::chrono::steady_clock::now();
    }
}

block_depot::time_point block_depot::trim(time_point now, duration decay) noexcept {
    for (;;) {
        block_slab* leaving;
        {
            word_guard const held(lock_);
            if (idle_.empty()) return time_point::max();
            leaving = &idle_.front();
            if (now - leaving->idle_since < decay) return leaving->idle_since + decay;
            idle_.remove(*leaving);
            --slabs_;
        }
        leaving->unmap();
    }
}

std::size_t block_depot::slabs() noexcept {
    word_guard const held(lock_);
    return slabs_;
}

namespace {

// The depots of all sizes, built in place and never destroyed.
class depot_row {
  public:
    depot_row() noexcept {
        for (std::size_t i = 0; i < block_size::count; ++i)
            ::new (at(i)) block_depot(static_cast<std::uint32_t>(block_size::of(i)));
    }
    block_depot* at(std::size_t i) noexcept { return reinterpret_cast<block_depot*>(room_) + i; }

  private:
    alignas(block_depot) std::byte room_[sizeof(block_depot) * block_size::count];
};

}  // namespace

block_depot& block_depot_of(std::size_t size) noexcept {
    static depot_row row;
    return *row.at(block_size::index(size));
}

std::chrono::steady_clock::time_point trim_blocks(std::chrono::steady_clock::time_point now,
                                                  std::chrono::nanoseconds decay) noexcept {
    auto next = std::chrono::steady_clock::time_point::max();
    for (std::size_t i = 0; i < block_size::count; ++i)
        next = std::min(next, block_depot_of(block_size::of(i)).trim(now, decay));
    return next;
}

}  // namespace ramie::detail
