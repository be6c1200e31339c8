// What every task of this process does and waits for, printed while the program goes on.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <chrono>
#include <cstddef>
#include <iosfwd>

namespace ramie {

struct dump_options {
    // One line for each task, instead of one paragraph for all that stand at the same place.
    bool each_task = false;
    // Where each stands. Without them a dump takes a tenth of the time.
    bool backtraces = true;
    // Paragraphs at most; the oldest waits come first.
    std::size_t most_groups = 1000;
    // Frames shown of each backtrace.
    std::size_t most_frames = 64;
    // After that no more tasks are looked at, and the dump says so.
    std::chrono::milliseconds time_limit = std::chrono::seconds(30);
};

// Prints all runtimes of the process: their workers, queues, timers and pools; every unfinished task, with what it
// waits for, since when, where it stands and where it was spawned; threads that wait for Ramie's primitives; and cycles
// of locks and joins. The tasks go on meanwhile: a waiting one can be woken a few microseconds later while it is looked
// at, a running one is interrupted by a signal (SIGURG) to its thread.
//
// From fibers and threads; not from a signal handler (for that there is runtime_options::dump_on). Not a suspension
// point: the calling thread waits until all is printed. Throws what the stream throws (and the program's own buffer may
// wait, as in any output); std::bad_alloc.
RAMIE_API void dump(std::ostream& to, dump_options const& options = {});
// The same to a descriptor. Throws std::system_error if it cannot be written.
RAMIE_API void dump_fd(int fd, dump_options const& options = {});

}  // namespace ramie
