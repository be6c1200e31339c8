// A question that blocks a thread until the system answers. It runs on the blocking pool, for a fiber that may leave
// before the answer comes.
#pragma once

#include <ramie/join_handle.hpp>
#include <ramie/spawn_blocking.hpp>

#include <expected>
#include <type_traits>
#include <utility>

namespace ramie::detail {

// f() must own all it needs, because it may outlive the caller. If the caller leaves without the answer (an abort, a
// timeout), an f that has not begun never runs, and an f that has begun is left behind (blocking_pool.hpp). The error
// is join_handle::join()'s. Throws std::system_error if there is no thread. Suspension point.
template <blocking_share Share, class F>
std::expected<std::invoke_result_t<F&>, join_error> ask_on_pool(F f) {
    auto job = spawn_blocking_in<Share>(std::move(f));
    struct leaving {
        join_handle<std::invoke_result_t<F&>>& job;
        ~leaving() {
            if (job.valid()) job.abort();
        }
    } const unless_answered{job};
    return job.join();
}

}  // namespace ramie::detail
