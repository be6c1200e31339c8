// The dumps that nobody in the program calls for: those that a signal asks for (signal_dumps.hpp), and the one that is
// printed when the program stands still for good (standstill.hpp). One thread prints them for all runtimes of the
// process, one after the other.
//
// The thread is there from the start of the first runtime that wants it to the end of the last. That end waits for the
// dump that is being printed, but not for a reader that does not read.
#pragma once

namespace ramie::detail {

class scheduler;

// From its start to its end. Throws std::system_error if there is no thread to be had.
void begin_dump_watch(scheduler& s);
// May be called again.
void end_dump_watch(scheduler& s) noexcept;

}  // namespace ramie::detail
