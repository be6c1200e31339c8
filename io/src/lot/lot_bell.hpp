// Wakes the parking lot for a signal handler, which may call sem_post() in the middle of anything, and so must take no lock.
// The handler notes the bucket and rings; a thread does the rest. That thread exists from the first wait for something
// that a handler may give.
#pragma once

namespace ramie::detail::lot_bell {

// By a fiber, before it waits.
void install() noexcept;
// From a signal handler. All fibers that wait in the bucket of that address try again.
void ring(void const* address) noexcept;

}  // namespace ramie::detail::lot_bell
