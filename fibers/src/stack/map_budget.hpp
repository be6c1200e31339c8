// How many mprotect guards this process can afford.
//
// The kernel counts a process's maps and refuses more than vm.max_map_count, also to malloc, to mmap of a file, to a
// new thread's stack. A guard by mprotect splits its slab's map and so costs two. All guards together may use maps
// until the process has half of the limit; the other half is the program's.
#pragma once

#include <ramie/detail/fence/atomic.hpp>

namespace ramie::detail {

class map_budget {
  public:
    // Counts the maps in use now.
    map_budget() noexcept;

    // Takes the maps of one guard; false if there are none left.
    bool take() noexcept;
    void give_back() noexcept;

  private:
    // Only a count: no data is published through it, so relaxed is enough.
    atomic<long> guards_left_;
};

}  // namespace ramie::detail
