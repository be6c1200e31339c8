// runtime_options with every choice made.
#pragma once

#include <ramie/detail/task/task.hpp>
#include <ramie/runtime_options.hpp>

#include <chrono>
#include <string>

namespace ramie::detail {

class stage;

struct settings {
    unsigned workers;
    std::uint8_t stack_class;
    unsigned max_blocking_threads;
    std::string thread_name;
    std::chrono::nanoseconds shutdown_timeout;
    std::chrono::nanoseconds stall_threshold;
    failure_hook on_task_failure;
    bool current_thread;
    bool watched;          // by the monitor, which is a thread of its own
    bool force_migration;  // RAMIE_FORCE_MIGRATION, for tests: every woken task goes on on another worker
    int dump_on;           // a signal's number, or no_signal
    bool dump_asked_for;   // by the program or the environment
    std::string dump_file;  // empty: stderr
    bool report_deadlocks;
    stage* simulated = nullptr;  // the world of a simulation
};

// The given options, else the environment, else the defaults. Throws std::invalid_argument, naming the option and the
// range.
settings settle(runtime_options const&);

}  // namespace ramie::detail
