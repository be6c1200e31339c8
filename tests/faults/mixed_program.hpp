// A small program that uses a little of everything: what the tests of faults and of restricted worlds run. Each step is by itself.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ramie::testing {

// A step that got an answer which is neither right nor an error.
struct wrong_answer : std::logic_error {
    using std::logic_error::logic_error;
};

struct mixed_step {
    char const* name;
    // In a task. Throws std::system_error or std::bad_alloc if something was refused, wrong_answer for what must never be.
    void (*run)();
};

std::vector<mixed_step> const& mixed_steps();

// Which one runs now; for whoever reports a hang.
char const* running_step() noexcept;

// Runs them all; `refused` hears of each step that ended by an error.
void run_mixed(std::function<void(mixed_step const&, std::exception_ptr)> const& refused);

}  // namespace ramie::testing
