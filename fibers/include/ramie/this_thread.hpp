// std::this_thread's names, for whatever runs: a task, or a plain thread.
#pragma once

#include <ramie/this_fiber.hpp>
#include <ramie/thread_id.hpp>

namespace ramie::this_thread {

// The running task's; on a plain thread (and in a job of spawn_blocking) that thread's. Never waits.
thread_id get_id() noexcept;

using this_fiber::sleep_for;
using this_fiber::sleep_until;
using this_fiber::yield;

}  // namespace ramie::this_thread
