// Exceptions that are made before they are needed, because at that place no caller could be told that there is no
// memory for one. The first call makes it, and may throw std::bad_alloc instead; so the first call comes early: in a
// lane's constructor, in a future's state.
#pragma once

#include <exception>

namespace ramie::detail {

std::exception_ptr const& no_memory();       // std::bad_alloc
std::exception_ptr const& broken_promise();  // std::future_error

}  // namespace ramie::detail
