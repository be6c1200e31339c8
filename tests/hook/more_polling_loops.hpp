// Loops of calls that never wait, for what polling_loops_test.cpp has not: files, children, messages, signals, requests,
// and second names.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace ramie::testing {

// By the call's name: one call of the loop. What they need lives as long as the map.
std::map<std::string, std::function<void()>> more_polling_loops();

}  // namespace ramie::testing
