// Exceptions that are made before they are needed, because where they are needed nobody could be told that there was no
// memory for one. Whoever calls for the first time makes it, and may get std::bad_alloc instead; so somebody does in time:
// a lane's constructor, a future's state.
#pragma once

#include <exception>

namespace ramie::detail {

std::exception_ptr const& no_memory();       // std::bad_alloc
std::exception_ptr const& broken_promise();  // std::future_error

}  // namespace ramie::detail
