// What a soak does again and again. Each load is a task of its own that runs round after round; a round ends what it began, and
// throws if something has another end than it must have.
#pragma once

#include "chance.hpp"

#include <chrono>
#include <stdexcept>
#include <vector>

namespace ramie::soak {

using testing::chance;

struct load {
    char const* name;
    void (*round)(chance&);
    std::chrono::milliseconds pause{0};  // after each round, at least
};

std::vector<load> task_loads();
std::vector<load> outside_loads();

inline void must(bool so, char const* what) {
    if (!so) throw std::logic_error(what);
}

}  // namespace ramie::soak
