// The options of a runtime.
#pragma once

#include <ramie/error.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace ramie {

// An option that is not set is taken from its environment variable, if there is one, and otherwise has the default
// given here. A value out of range, set or from the environment, is a std::invalid_argument that names the option and
// the range.
struct runtime_options {
    // OS threads that run tasks: 1 to 1024. Default: one per core this process may use (its affinity, and its cgroups'
    // quota rounded up). RAMIE_WORKERS (One worker does not mean that tasks never run at once: when a task keeps it for
    // long, a spare thread stands in for it. For tasks that share data without locks there is current_thread.)
    std::optional<unsigned> workers = {};
    // Usable bytes of a task's stack. Only pages that are touched cost memory. Default 192 KiB. RAMIE_STACK_SIZE
    std::optional<std::size_t> stack_size = {};
    // Threads of the pool behind spawn_blocking: 1 to 65536. Default 512. In addition the same number for calls on
    // files; a quarter of it for name look-ups; a further quarter each for calls and look-ups that run on after they
    // were aborted (never less than one); and the same number of spare threads that stand in for workers whose tasks
    // block or compute for long. RAMIE_MAX_BLOCKING_THREADS
    std::optional<unsigned> max_blocking_threads = {};
    // Name of the worker threads, a number follows; cut so that both fit into 15 bytes. Default "ramie". RAMIE_THREAD_NAME
    std::optional<std::string> thread_name = {};
    // How long the end of the runtime waits for aborted tasks before it gives up and ends the process. Default 10 s.
    // RAMIE_SHUTDOWN_TIMEOUT_MS
    std::optional<std::chrono::milliseconds> shutdown_timeout = {};
    // A worker that has picked no task for this long while work waits counts as stalled: its work is given to others,
    // to spare threads if need be. If no spare may come, or pinned tasks wait, for a hundred times as long, the tasks
    // that block are named on stderr. Default 10 ms. RAMIE_STALL_THRESHOLD_MS
    std::optional<std::chrono::milliseconds> stall_threshold = {};
    // Called with the failure of a task that no handle can receive any more, on the thread that noticed it. Default:
    // one line on stderr.
    failure_hook on_task_failure = {};
    // The runtime has no threads of its own: tasks run in block_on, on the thread that calls it.
    // There are no spares for that thread: while a task blocks it, no other task runs, no deadline fires, no readiness
    // is seen. If stall_threshold is given as well, a thread watches for that, counts such stalls and names the task on
    // stderr. RAMIE_CURRENT_THREAD (0 or 1)
    std::optional<bool> current_thread = {};
    // A signal for which the process prints a dump (dump.hpp) and goes on: to stderr, or at the end of the file that
    // RAMIE_DUMP_FILE names. One of SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGRTMIN to SIGRTMAX; 0: none.
    // Default SIGQUIT; in a current_thread runtime none, since it has no thread that could print. A handler that the
    // program has for the signal stays, and there are no dumps then; so does SIG_IGN, unless the signal is given here
    // or in the environment. RAMIE_DUMP_ON (a signal's name, or none)
    std::optional<int> dump_on = {};
    // Prints a dump, to where dump_on prints, when all tasks of the process wait for each other and nothing is left that
    // could wake one: no deadline, descriptor, job, or thread that does not wait itself. Once each time; the program is
    // not ended. Looks twice a second: for tests, and where that does not matter. Default false.
    // RAMIE_REPORT_DEADLOCKS (0 or 1)
    std::optional<bool> report_deadlocks = {};
};

}  // namespace ramie
