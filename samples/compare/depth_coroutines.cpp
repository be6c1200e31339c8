// depth_coroutines [CALLS [LEVELS [WAIT_EVERY [TASKS [PAUSE_MS]]]]]: calls through many levels; the last may wait.
//
// To be read beside depth_fibers.cpp. Every level between the task and the wait has to be a coroutine.

#include "awaitable.hpp"
#include "levels.hpp"

#include <atomic>
#include <cstdint>
#include <exception>

namespace {

template <class T>
using pooled = asio::awaitable<T, pool>;
using pause_timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, pool>;

pooled<std::uint64_t> lowest(std::uint64_t call, depth::plan const& p) {
    if (p.waits(call)) {
        auto const here = co_await asio::this_coro::executor;
        if (p.pause.count() > 0) co_await pause_timer(here, p.pause).async_wait(asio::deferred);
        else co_await asio::post(here, asio::deferred);
    }
    co_return call;
}

pooled<std::uint64_t> level(std::uint64_t number, std::uint64_t call, depth::plan const& p) {
    if (number == 0) co_return co_await lowest(call, p);
    co_return depth::mixed(co_await level(number - 1, call, p), number);
}

pooled<void> task(depth::plan const& p, std::atomic<std::uint64_t>& sum) {
    std::uint64_t own = 0;
    for (std::uint64_t call = 1; call <= p.calls; ++call) own += co_await level(p.levels, call, p);
    sum += own;
}

}  // namespace

int main(int argc, char** argv) {
    auto const p = depth::plan_from(argc, argv);
    asio::io_context context(worker_count());
    std::atomic<std::uint64_t> sum = 0;
    for (std::uint64_t i = 0; i < p.tasks; ++i)
        asio::co_spawn(context, task(p, sum), [](std::exception_ptr failure) {
            if (failure) std::terminate();
        });
    run_on_all_workers(context);
    return depth::report(p, sum);
}
