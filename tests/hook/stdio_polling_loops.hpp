// Loops of stdio that never waits, for polling_loops_test.cpp.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace ramie::testing {

// By the function's name: one call of the loop. The map keeps alive what they need.
std::map<std::string, std::function<void()>> stdio_polling_loops();

}  // namespace ramie::testing
