// All idle stacks of one size class that are not in a worker's cache. Process-wide: several runtimes share it.
//
// Slabs stand on shelves by how full they are. The fullest slab that has a free slot serves first, so that the others
// become empty and can be unmapped; slabs with wide slots serve before slabs with close ones. A visit moves a whole
// magazine, so one mutex per class is enough. Pages are returned and slabs unmapped outside the mutex.
#pragma once

#include "stack/stack_slab.hpp"

#include <ramie/detail/wait/plain_mutex.hpp>

#include <array>
#include <mutex>

namespace ramie::detail {

class stack_depot {
  public:
    using time_point = std::chrono::steady_clock::time_point;
    using duration = std::chrono::steady_clock::duration;

    explicit stack_depot(std::uint8_t size_class) noexcept : size_class_(size_class) {}

    // At least one slot and at most `wanted`. Throws std::bad_alloc.
    stack_list take(unsigned wanted);

    void put(stack_list) noexcept;

    // Returns the memory of slots and slabs that have been idle for `decay`. Says when the next will be due:
    // time_point::max() if none is left.
    time_point trim(time_point now, duration decay) noexcept;

    // Unmaps all idle slabs at once.
    void unmap_idle() noexcept { unmap_idle(time_point::max(), duration::zero()); }

    void count(stack_metrics&) noexcept;

  private:
    static constexpr unsigned idle_shelf = 0;
    static constexpr unsigned full_shelf = 8;  // slabs without a free slot
    static constexpr time_point never = time_point::max();

    using shelves = std::array<intrusive_list<stack_slab>, full_shelf + 1>;
    static constexpr std::array both = {spacing::wide, spacing::close};

    static unsigned shelf_for(stack_slab const&) noexcept;
    shelves& shelves_of(spacing apart) noexcept { return shelves_[static_cast<std::size_t>(apart)]; }
    void reshelve(stack_slab&) noexcept;
    stack_slab* fullest(spacing) noexcept;
    stack_slab* wide_slab() noexcept;
    stack_slab* close_slab();
    void unmap_idle(time_point now, duration decay) noexcept;
    void cool() noexcept;
    stack_slab* next_to_cool() noexcept;

    std::uint8_t const size_class_;

    plain_mutex trimming_;  // one trim at a time; taken before mutex_
    unsigned pass_ = 0;    // of cool(); under trimming_

    plain_mutex mutex_;  // guards everything below
    std::array<shelves, 2> shelves_;
    std::size_t hot_ = 0;            // hot slots of all slabs
    time_point cooled_at_ = never;   // the last pass of cool(), or when the first slot became hot since there was none
    std::size_t slabs_unmapped_ = 0;
};

// Never destroyed: a thread that outlives main's statics may still give stacks back.
stack_depot& depot_of(std::uint8_t size_class) noexcept;

}  // namespace ramie::detail
