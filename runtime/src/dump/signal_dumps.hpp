// The signals that ask for dumps (runtime_options::dump_on): from the handler to the thread that prints (dump_watch.hpp).
//
//   the handler (any thread)     (1) notes the signal's bit, (2) rings: adds 1 to a word and wakes the thread on it
//   the thread                   (1) notes the word, (2) takes the bits; (3) if there were any, prints one dump, (4) else
//                                sleeps while the word is still the noted one
// A signal that comes during (3) is seen at the next (2): there is one more dump, and it begins after the first is
// printed. Several that come during one dump are one, as signals are.
//
// Whose signal it is. A handler that the program has installed before stays, as does one that it installs later: the
// last word is its own. SIG_IGN stays, too, unless the program or its environment names the signal: shells start
// programs in the background so. When it is left, the signal does again what it did before.
// A child of fork() has the handler, but not the thread: there the signal does at once what it did before. In children
// that are made in other ways it does so when it first comes.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

#include <cstdint>

namespace ramie::detail::signal_dumps {

// --- one thread at a time ---
// True: it is ours from now on. False: it is another's; if it was `asked_for`, a line on stderr says so.
bool take(int number, bool asked_for);
bool is_taken(int number) noexcept;
void leave(int number) noexcept;

// --- the thread that prints ---
std::uint32_t rung() noexcept;
// False: it was not rung since, and the time ran out.
bool wait(std::uint32_t rung, time_point until) noexcept;
// True: one has come, since it was last asked.
bool has_come() noexcept;
// Its mask: no signal but those that are taken. So they are seen even if all other threads block them.
void follow_mask() noexcept;

// Any thread, and handlers.
void ring() noexcept;

}  // namespace ramie::detail::signal_dumps
