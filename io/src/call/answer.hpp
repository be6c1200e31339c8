// A system call's result, or what went wrong, without a detour over errno. For opaque functions that do not wait
// (socket_call.hpp says why).
#pragma once

#include <cerrno>

namespace ramie::detail {

// The result, or -errno; again after EINTR.
template <class Call>
auto answer_of(Call&& call) noexcept -> decltype(call()) {
    for (;;) {
        auto const result = call();
        if (result >= 0) return result;
        if (errno != EINTR) return -errno;
    }
}

}  // namespace ramie::detail
