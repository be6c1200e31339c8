// The figures of a runtime. They are read without stopping any thread, so they need not add up exactly.
#pragma once

#include <ramie/stack_metrics.hpp>

#include <cstddef>
#include <cstdint>

namespace ramie {

struct runtime_metrics {
    unsigned workers = 0;
    unsigned spare_workers = 0;        // they stand in for workers lent to a task or stuck in one
    std::size_t live_tasks = 0;        // spawned and not finished, blocking jobs included
    std::size_t queued = 0;            // runnable, in the workers' queues
    std::size_t injected = 0;          // runnable, in the injection queue
    std::uint64_t picks = 0;           // how often a worker took a task or looked for one
    std::uint64_t yields = 0;
    std::uint64_t steals = 0;
    std::uint64_t worker_sleeps = 0;
    std::uint64_t stalls = 0;          // times a worker was found stuck in one task while work waited
    unsigned blocking_threads = 0;     // of the blocking pool: jobs, files, look-ups, foreign calls, TLS
    std::size_t blocking_queued = 0;
    unsigned blocking_left_behind = 0;  // abandoned calls and look-ups that still run
    stack_metrics stacks;              // of the whole process
};

}  // namespace ramie
