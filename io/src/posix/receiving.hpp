// Shared by read, readv and recv.
#pragma once

#include "posix/blocking_call.hpp"
#include "posix/parts.hpp"

#include <ramie/detail/task/after.hpp>

#include <algorithm>
#include <chrono>

#include <sys/socket.h>
#include <time.h>

namespace ramie::detail {

// recvmsg() with MSG_WAITALL: on a stream, until all is there, the stream ends, or it fails. A failure after a part has
// come is reported by the next call.
ssize_t receive_all(blocking_call& call, msghdr& message, int flags) noexcept;

inline std::chrono::nanoseconds duration_of(timespec const& t) noexcept {
    constexpr time_t longest = 3600L * 24 * 365 * 100;
    return std::chrono::seconds(std::min(t.tv_sec, longest)) + std::chrono::nanoseconds(t.tv_nsec);
}

// The time left until `until`; not less than 0.
inline timespec timespec_of(time_point until) noexcept {
    using namespace std::chrono;
    auto const left = std::max(nanoseconds(0), duration_cast<nanoseconds>(until - carrier::now()));
    return {static_cast<time_t>(left / 1s), static_cast<long>((left % 1s).count())};
}

}  // namespace ramie::detail
