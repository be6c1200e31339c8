// Making a scheduler, and saying what is missing if it cannot be had.
#pragma once

#include "settings/options.hpp"

#include <memory>

namespace ramie::detail {

class scheduler;

// Throws std::system_error; std::logic_error in a child of a process that had a runtime. In an address space that is limited (RLIMIT_AS) too low the error says so; if it is low, a line on
// stderr says how many stacks there can be.
std::shared_ptr<scheduler> start_scheduler(settings options);

// With all threads started: throws std::system_error if they and malloc could not even begin to work.
void refuse_too_small_address_space(unsigned workers);

}  // namespace ramie::detail
