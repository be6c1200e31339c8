// One mmap of equal slots, all wide or all close, with their descriptors in a table beside it.
//
// Invariant, under the depot's lock: used + hot + cold + fresh == slots.
#pragma once

#include "stack/stack_class.hpp"

#include <ramie/detail/ground/intrusive_list.hpp>
#include <ramie/detail/stack/address_space.hpp>
#include <ramie/detail/stack/stack.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace ramie::detail {

// How many close slots a new slab has: the class's usual number, or what fits into a limited address space; 0: none.
unsigned close_slots(std::uint8_t size_class, std::optional<limited_space> const&) noexcept;

class stack_slab : public list_hook {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    // Maps `slots` slots, or as many as the system will give. Throws std::bad_alloc.
    stack_slab(std::uint8_t size_class, spacing apart, unsigned slots);
    // Only a slab that was unmapped is destroyed, or one that never will be; see unmap().
    ~stack_slab() = default;

    stack_slab(stack_slab const&) = delete;
    stack_slab& operator=(stack_slab const&) = delete;

    // Hot slots first, then cold, then fresh ones; null if all are used.
    stack* take() noexcept;
    // The stack's deeper pages have been returned before.
    void put(stack*) noexcept;

    // Takes out the hot slots that were not needed since the last call, and starts counting anew: the tail of a LIFO
    // list below its low-water mark is untouched.
    stack_list take_uncalled_for() noexcept;
    // Puts these slots back, after all their pages were returned.
    void put_cold(stack_list) noexcept;

    // Returns the mapping to the system; only for an idle slab. False if the system refuses (it may, if a split map
    // would exceed vm.max_map_count): then the slab lives on, without its memory.
    bool unmap() noexcept;

    unsigned slots() const noexcept { return slots_; }
    unsigned used() const noexcept { return used_; }
    unsigned hot() const noexcept { return hot_.count; }
    unsigned cold() const noexcept { return cold_.count; }
    unsigned fresh() const noexcept { return slots_ - next_fresh_; }
    std::size_t bytes() const noexcept;
    spacing apart() const noexcept { return apart_; }
    bool contains(void const* address) const noexcept { return address >= base_ && address < base_ + bytes(); }

    // Notes of the depot.
    unsigned shelf = 0;          // which of its lists the slab is on
    unsigned cooled_in = 0;      // the last pass of cool() that looked at it
    time_point idle_since = {};  // while used() == 0

  private:
    void lay_out() noexcept;

    std::uint8_t const size_class_;
    spacing const apart_;
    std::byte* base_ = nullptr;
    unsigned slots_ = 0;
    unsigned used_ = 0;
    unsigned next_fresh_ = 0;  // slots from here on were never handed out
    unsigned low_water_ = 0;   // least hot_.count since take_uncalled_for
    stack_list hot_;
    stack_list cold_;
    std::unique_ptr<stack[]> stacks_;
};

}  // namespace ramie::detail
