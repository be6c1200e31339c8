// Look-ups whose answer goes into the caller's memory, or into libc's: they run on the blocking pool, and the fiber
// waits for the end in any case.
#pragma once

#include "posix/blocking_call.hpp"

#include <ramie/detail/blocking/blocking_share.hpp>
#include <ramie/detail/worker/stay.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <exception>

#include <netdb.h>

namespace ramie::detail {

// f() on the pool; sets errno and h_errno as f left them. If the pool has no thread: f() on this one.
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
