// Which limit of the system is behind an error. Users do not think of limits, and "Resource temporarily unavailable" names none: so
// the messages of errors do.
#pragma once

#include <string>
#include <system_error>

namespace ramie::detail {

// For the end of a message: " (...)", with the limit's name, how it is set, and its value; empty if none is known for such an error.
std::string limits_behind(std::error_code const&);

// The same for a thread that could not be started, without reading /proc.
std::string limits_of_threads();

}  // namespace ramie::detail
