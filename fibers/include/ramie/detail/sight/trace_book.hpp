// All traces of one dump, each kept once and known by its number.
//
// A walk takes ten microseconds, and a million fibers often stand at a handful of places. So the book remembers how
// each trace was found. A stack that goes on at the same address, at the same distance from its top, and has the same
// return addresses and frame pointers at the same places, has the same frames: by induction from the innermost one,
// because where a frame's caller is found depends only on these. (A frame without a fixed size, and without a frame
// pointer, is found by an expression; the places it names are as far from the top as on the first stack.)
#pragma once

#include <ramie/detail/sight/unwinder.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <tuple>
#include <vector>

namespace ramie::detail {

using trace_number = std::uint32_t;

class trace_book {
  public:
    // There are never more traces than that; what comes later is number `others`.
    static constexpr trace_number none = 0, others = 1;
    explicit trace_book(std::size_t most);

    trace_number find(stack_copy const& of);
    trace const& operator[](trace_number n) const noexcept { return traces_[n]; }
    std::size_t size() const noexcept { return traces_.size(); }
    // How many walks there were.
    std::size_t walks() const noexcept { return walks_; }

  private:
    struct layout {
        trace_number number;
        std::vector<frame_check> checks;
    };
    // The address, and the distances of stack pointer and frame pointer from the top.
    using key = std::tuple<std::uintptr_t, std::uintptr_t, std::uintptr_t>;

    static key key_of(stack_copy const& of) noexcept;
    static bool fits(layout const& known, stack_copy const& of) noexcept;
    trace_number add(trace&& t);

    std::size_t const most_;
    unwinder unwinder_;
    std::deque<trace> traces_;
    std::map<std::vector<std::uintptr_t>, trace_number> by_frames_;
    std::map<key, std::vector<layout>> known_;
    std::size_t layouts_ = 0;
    std::size_t walks_ = 0;
    trace scratch_;
    std::vector<frame_check> checks_;
};

}  // namespace ramie::detail
