// How many mprotect guards this process can afford.
//
// The kernel counts a process's maps and refuses the vm.max_map_count'th, also to malloc, to mmap of a file, to a new
// thread's stack. A guard by mprotect splits its slab's map and so costs two. The guards together may bring the process
// to half of the limit; the other half is the program's.
#pragma once


#include <ramie/detail/fence/atomic.hpp>

namespace ramie::detail {

class map_budget {
  public:
    // Counts the maps in use now.
    map_budget() noexcept;

    // One guard's share; false when there is none left.
    bool take() noexcept;
    void give_back() noexcept;

  private:
    // A count and nothing more: no data is published through it, so relaxed will do.
    atomic<long> guards_left_;
};

}  // namespace ramie::detail
