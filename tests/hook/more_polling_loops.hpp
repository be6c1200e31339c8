// Loops of calls that never wait, those that polling_loops_test.cpp does not have: files, children, messages, signals,
// requests, and second names.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace ramie::testing {

// By the call's name: one call of the loop. The map keeps alive what they need.
std::map<std::string, std::function<void()>> more_polling_loops();

}  // namespace ramie::testing
