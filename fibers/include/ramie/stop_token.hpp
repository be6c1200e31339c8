// The standard's stop tokens, under Ramie's name: they wait for nothing.
#pragma once

#include <ramie/detail/language.hpp>

#include <stop_token>

namespace ramie {

using std::nostopstate;
using std::nostopstate_t;
using std::stop_callback;
using std::stop_source;
using std::stop_token;

}  // namespace ramie
