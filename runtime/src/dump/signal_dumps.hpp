// Dumps that a signal asks for (runtime_options::dump_on): one handler, and one thread, for all runtimes of the process.
//
//   the handler (any thread)     (1) notes the signal's bit, (2) rings: adds 1 to a word and wakes the thread on it
//   the thread (watch)           (1) notes the word, (2) takes the bits; (3) if there were any, prints one dump, (4) else
//                                sleeps while the word is still the noted one
// A signal that comes during (3) is seen at the next (2): there is one more dump, and it begins after the first is
// printed. Several that come during one dump are one, as signals are.
//
// The thread is there from the start of the first runtime that wants it to the end of the last. It blocks all signals
// but these, so they are seen even if all other threads block them. The end of the last runtime waits for the dump that
// is being printed, but not for a reader that does not read.
//
// Whose signal it is. A handler that the program has installed before stays, as does one that it installs later: the
// last word is its own. SIG_IGN stays, too, unless the program or its environment names the signal: shells start
// programs in the background so. When the last runtime ends, the signal does again what it did before.
// A child of fork() has the handler, but not the thread: there the signal does at once what it did before. In children
// that are made in other ways it does so when it first comes.
#pragma once

namespace ramie::detail {

class scheduler;

// From its start to its end. Throws std::system_error if there is no thread to be had.
void begin_signal_dumps(scheduler& s);
// May be called again.
void end_signal_dumps(scheduler& s) noexcept;

}  // namespace ramie::detail
