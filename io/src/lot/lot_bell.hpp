// Wakes the parking lot for a signal handler, which may call sem_post() in the middle of anything, and so must take no lock.
// The handler notes the bucket and rings; a thread does the rest. That thread exists from the first wait for something
// that a handler may give, and under run_as_threads, where it also ends a call of the main fiber's.
#pragma once

namespace ramie::detail::lot_bell {

// By a fiber, before it waits.
void install() noexcept;
// From a signal handler. All fibers that wait in the bucket of that address try again.
void ring(void const* address) noexcept;
// From a signal handler, too: main_fiber::answer_bell() is called.
void ring_for_main() noexcept;

}  // namespace ramie::detail::lot_bell
