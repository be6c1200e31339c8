// Look-ups whose answer goes into the caller's memory, or into libc's: made on the blocking pool and waited for,
// whatever happens.
#pragma once

#include "posix/blocking_call.hpp"

#include <ramie/detail/blocking/blocking_share.hpp>
#include <ramie/detail/worker/stay.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <exception>

#include <netdb.h>

namespace ramie::detail {

// f() on the pool; errno and h_errno as it left them. Without a thread: here.
template <class F>
auto answer_on_pool(waiter& self, F&& f) noexcept {
    struct outcome {
        decltype(f()) result;
        int error, host_error;
    };
    auto const run = [&f]() noexcept {
        auto const result = f();
        return outcome{result, errno, h_errno};
    };
    stay const here(self);
    abort_shield const whole;
    auto const done = [&] {
        try {
            if (auto answer = spawn_blocking_in<blocking_share::names>(run).join()) return *answer;
        } catch (std::exception const&) {}
        return run();
    }();
    h_errno = done.host_error;
    errno = done.error;
    return done.result;
}

}  // namespace ramie::detail
