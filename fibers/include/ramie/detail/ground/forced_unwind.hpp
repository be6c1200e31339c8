// The unwinding that pthread_exit and pthread_cancel cause. A catch (...) must rethrow it, and code that keeps a copy
// of an exception must not take it for one: std::current_exception() is null there.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cxxabi.h>

namespace ramie::detail {

using forced_unwind = abi::__forced_unwind;

}  // namespace ramie::detail
