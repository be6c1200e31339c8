// sum_coroutines [BLOCKS [PAUSE_MS [BAD_BLOCK]]]: divide and conquer: both halves as coroutines, down to single blocks.
//
// To be read beside sum_fibers.cpp. A block that cannot be read ends everything at once.

#include "awaitable.hpp"
#include "blocks.hpp"

#include <boost/asio/experimental/parallel_group.hpp>

#include <cstdint>
#include <exception>

namespace {

awaitable<std::uint64_t> sum_of(sum::range blocks, sum::plan const& p);

// From the back of the queue, so that another thread may take it.
awaitable<std::uint64_t> queued(sum::range blocks, sum::plan const& p) {
    co_await asio::post(co_await asio::this_coro::executor, asio::deferred);
    co_return co_await sum_of(blocks, p);
}

awaitable<std::uint64_t> sum_of(sum::range blocks, sum::plan const& p) {
    auto const here = co_await asio::this_coro::executor;
    if (blocks.count == 1) {
        sum::open(blocks.first, p);
        if (p.pause.count() > 0) co_await timer(here, p.pause).async_wait();
        co_return sum::value_of(blocks.first);
    }
    // a && b would run both on this strand, one after the other: for two threads each half needs its own.
    auto const there = asio::make_strand(here.get_inner_executor());
    auto const left_half = [=, &p] { return queued(blocks.left(), p); };
    auto const right_half = [=, &p] { return sum_of(blocks.right(), p); };
    auto const [order, left_failed, left, right_failed, right] =
        co_await asio::experimental::make_parallel_group(
            asio::bind_executor(there, asio::co_spawn(there, left_half, asio::deferred)),
            asio::bind_executor(here, asio::co_spawn(here, right_half, asio::deferred)))
            .async_wait(asio::experimental::wait_for_one_error(), asio::deferred);
    auto const first = order[0] == 0 ? left_failed : right_failed;
    auto const second = order[0] == 0 ? right_failed : left_failed;
    if (first) std::rethrow_exception(first);
    if (second) std::rethrow_exception(second);
    co_return left + right;
}

std::uint64_t run(sum::plan const& p) {
    asio::io_context context(worker_count());
    std::uint64_t total = 0;
    std::exception_ptr failure;
    asio::co_spawn(asio::make_strand(context), sum_of({1, p.blocks}, p), [&](std::exception_ptr e, std::uint64_t sum) {
        failure = e;
        total = sum;
    });
    run_on_all_workers(context);
    if (failure) std::rethrow_exception(failure);
    return total;
}

}  // namespace

int main(int argc, char** argv) {
    return sum::report(sum::plan_from(argc, argv), run);
}
