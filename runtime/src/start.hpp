// Making a scheduler, or saying what is missing.
#pragma once

#include "settings/options.hpp"

#include <memory>

namespace ramie::detail {

class scheduler;

// Throws std::system_error; std::logic_error in a child of a process that had a runtime. If the address space is
// limited (RLIMIT_AS) too far, the error says so; if it is small, a line on stderr says how many stacks there can be.
std::shared_ptr<scheduler> start_scheduler(settings options);

// Called when all threads are started: throws std::system_error if there is too little space for them and malloc to
// work.
void refuse_too_small_address_space(unsigned workers);

}  // namespace ramie::detail
