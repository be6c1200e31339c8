// std::this_thread's names, for a task or a plain thread.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/thread_id.hpp>

namespace ramie::this_thread {

// The id of the running task; on a plain thread (and in a job of spawn_blocking) that of the thread. Never waits.
RAMIE_API thread_id get_id() noexcept;

using this_fiber::sleep_for;
using this_fiber::sleep_until;
using this_fiber::yield;

}  // namespace ramie::this_thread
