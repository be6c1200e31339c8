// Names in a simulation: those of its machines, and localhost.
#pragma once

#include "net/look_up.hpp"

#include <optional>

namespace ramie::detail {

// None: the caller is not in a simulation. In a task, an answer takes virtual time.
std::optional<found_addresses> look_up_simulated(std::string const& host, std::uint16_t port, int family);

}  // namespace ramie::detail
