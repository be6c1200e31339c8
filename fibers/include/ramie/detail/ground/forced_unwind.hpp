// What a catch (...) must throw on, and a handler that takes an exception's copy must not take for one: the unwinding that
// pthread_exit and pthread_cancel cause. std::current_exception() is null there.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cxxabi.h>

namespace ramie::detail {

using forced_unwind = abi::__forced_unwind;

}  // namespace ramie::detail
