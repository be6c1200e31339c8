// The checker checked: one memory order of the sources, made weaker. A model must then fail.
#pragma once

#include "atomic.hpp"

#include <string>
#include <vector>

namespace ramie::model {

enum class part : std::uint8_t { load, store, modify, fence };

char const* name(order) noexcept;

// What the order is in this process: as written, or weaker, if this is the place that RAMIE_MODEL_WEAKEN names.
order weakened(order written, site const&, part) noexcept;

// What runs from here on belongs to that test case.
void begin_test_case(char const* name) noexcept;

// All places that runs so far have met, with what each might be weakened to, and the test cases that met it:
// "word_lock.hpp:45:22 store release relaxed", a tab, a name, a tab, ...
std::vector<std::string> weakenings();

}  // namespace ramie::model
