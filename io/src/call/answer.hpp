// A system call's result, or its error, as one value instead of by errno. For opaque functions that do not wait
// (socket_call.hpp says why).
#pragma once

#include <cerrno>

namespace ramie::detail {

// The result, or -errno. Calls again after EINTR.
template <class Call>
auto answer_of(Call&& call) noexcept -> decltype(call()) {
    for (;;) {
        auto const result = call();
        if (result >= 0) return result;
        if (errno != EINTR) return -errno;
    }
}

}  // namespace ramie::detail
