// Whether a task knows the line of the call that spawned it, with every number of arguments.
#pragma once

#include <ramie/detail/task/task.hpp>

#include <doctest/doctest.h>

#include <source_location>
#include <string_view>
#include <vector>

namespace ramie::testing {

// To be spawned, with any arguments: where that was.
struct spawned_at {
    std::source_location operator()(auto&&...) const {
        return static_cast<detail::task&>(detail::waiter::self()).where();
    }
};

// `places`: of tasks that were spawned in consecutive lines, the first with no argument, and so on. `first`: its line.
inline void check_lines(std::vector<std::source_location> const& places, unsigned first, char const* file) {
    for (auto const& place : places) {
        CAPTURE(first);
        CHECK(place.line() == first++);
        CHECK(std::string_view(place.file_name()) == file);
    }
}

}  // namespace ramie::testing
