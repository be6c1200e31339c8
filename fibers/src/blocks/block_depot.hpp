// All blocks of one size that are not in a lane's cache. Process-wide: several runtimes share it.
//
// Where a slab is:
//   serving_  some of its blocks are free: the front slab serves. A full slab that gets a block back comes to the
//             front, so that memory that was used before goes out before memory that was never touched.
//   idle_     all of its blocks are free; sorted by the time when that happened. The last one serves if no other does.
//   nowhere   it is full
#pragma once

#include "blocks/block_slab.hpp"

#include <ramie/detail/fence/word_lock.hpp>

namespace ramie::detail {

class block_depot {
  public:
    using time_point = std::chrono::steady_clock::time_point;
    using duration = std::chrono::steady_clock::duration;

    explicit block_depot(std::uint32_t block_bytes) noexcept : block_bytes_(block_bytes) {}

    // Takes at least one block and at most `wanted`; returns how many. Throws std::bad_alloc.
    unsigned take(void** to, unsigned wanted);
    void put(void* const* blocks, unsigned count) noexcept;

    // Unmaps the slabs that have been idle for `decay`. Returns when the next one will be due: time_point::max() if
    // there is none.
    time_point trim(time_point now, duration decay) noexcept;

    std::size_t slabs() noexcept;

  private:
    unsigned take_free(void** to, unsigned wanted) noexcept RAMIE_UNDER(lock_);
    block_slab* to_serve() noexcept RAMIE_UNDER(lock_);
    void add_slab();

    std::uint32_t const block_bytes_;
    word_lock lock_;  // under it no page is touched for the first time, and none is unmapped
    intrusive_list<block_slab> serving_ RAMIE_GUARDED_BY(lock_);
    intrusive_list<block_slab> idle_ RAMIE_GUARDED_BY(lock_);
    std::size_t slabs_ RAMIE_GUARDED_BY(lock_) = 0;
};

// For blocks of `size`, which is at most block_size::largest. Never destroyed: a thread that outlives main's statics may
// still free tasks.
block_depot& block_depot_of(std::size_t size) noexcept;

}  // namespace ramie::detail
