// Names on stderr what holds up a runtime: the tasks in which its workers are stuck.
#pragma once

#include <chrono>
#include <cstddef>

namespace ramie::detail {

class scheduler;
class worker;

// Tasks wait, no worker is free, and no further spare can come.
void report_all_stuck(scheduler& home, std::size_t waiting, std::chrono::nanoseconds for_how_long) noexcept;
// Pinned tasks wait for this worker.
void report_pinned_behind(scheduler& home, worker& stuck, std::chrono::nanoseconds for_how_long) noexcept;

}  // namespace ramie::detail
