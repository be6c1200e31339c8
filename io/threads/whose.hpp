// Whose thread pthread_create is to make: Ramie's own, and libuv's, are real ones.
#pragma once

namespace ramie::threads {

// By what calls, and what the new thread is to run.
bool is_ramies_own(void const* caller, void const* function, void const* argument) noexcept;

}  // namespace ramie::threads
