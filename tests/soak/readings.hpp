// What a process has, read when it is at rest.
#pragma once

#include <ramie/runtime.hpp>

#include <array>
#include <string>

namespace ramie::soak {

struct reading {
    char const* name;
    long value = 0;
    long slack = 0;  // so much more than at the beginning is no leak, nor are 5 %
};

class readings {
  public:
    static readings of(runtime const&);

    // What is more than it was at the beginning; empty: nothing.
    std::string beyond(readings const& base) const;
    std::string line() const;
    static std::string head();

  private:
    enum { resident, heap, new_blocks, descriptors, maps, threads, children, tasks, values, stacks, slabs, count };
    std::array<reading, count> all_{{
        {"RSS KiB", 0, 1024},
        {"heap KiB", 0, 512},  // given out by malloc
        {"blocks", 0, 50},     // given out by operator new
        {"fds", 0, 0},
        {"maps", 0, 6},
        {"threads", 0, 1},
        {"children", 0, 0},
        {"tasks", 0, 0},
        {"values", 0, 0},  // that tasks of storms had
        {"stacks", 0, 0},
        {"slabs", 0, 1},
    }};
};

}  // namespace ramie::soak
