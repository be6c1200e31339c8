// pipeline_coroutines [ITEMS [STAGES [PAUSE_MS [BAD_ITEM]]]]: stages and bounded channels; one that fails ends all.
//
// To be read beside pipeline_fibers.cpp. Closing one of Asio's channels drops what is in it, so an end that comes after
// all items is sent as one of them is, with an error code.

#include "awaitable.hpp"
#include "steps.hpp"

#include <boost/asio/experimental/concurrent_channel.hpp>

#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <tuple>
#include <utility>

namespace {

using pipeline::item;
using pipeline::plan;
// Channels may be used from any thread, and no coroutine is cancelled: no strands.
using channel =
    asio::experimental::basic_concurrent_channel<pool, asio::experimental::channel_traits<>, void(error_code, item)>;
using job = asio::awaitable<void, pool>;

// Tried first: an operation that is awaited goes through the context's queue even when it need not wait.
job send(channel& to, error_code end, item i) {
    if (!to.try_send(end, i)) co_await to.async_send(end, i, asio::deferred);
}

asio::awaitable<std::pair<error_code, item>, pool> receive(channel& from) {
    std::pair<error_code, item> got;
    if (from.try_receive([&](error_code end, item i) { got = {end, i}; })) co_return got;
    std::tie(got.first, got.second) = co_await from.async_receive(no_throw);
    co_return got;
}

job produce(plan const& p, channel& out) {
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, pool> pause(
        out.get_executor());
    for (std::uint64_t number = 1; number <= p.items; ++number) {
        if (number > 1 && p.pause.count() > 0) {
            pause.expires_after(p.pause);
            co_await pause.async_wait(asio::deferred);
        }
        co_await send(out, {}, {number, number});
    }
    co_await send(out, asio::error::eof, {});
}

job stage(std::uint64_t place, plan const& p, channel& in, channel& out) {
    for (;;) {
        auto [ended, i] = co_await receive(in);
        if (!ended) pipeline::work_on(i, place, p);
        co_await send(out, ended, i);
        if (ended) co_return;
    }
}

job consume(channel& in, std::uint64_t& checksum) {
    for (;;) {
        auto const [ended, i] = co_await receive(in);
        if (ended) co_return;
        checksum = pipeline::added(checksum, i);
    }
}

std::uint64_t run(plan const& p) {
    asio::io_context context(worker_count());
    auto const threads = context.get_executor();
    std::deque<channel> channels;
    for (std::uint64_t i = 0; i <= p.stages; ++i) channels.emplace_back(threads, pipeline::room);
    std::uint64_t checksum = 0;
    std::exception_ptr failure;
    std::mutex guard;
    auto const start = [&](job j) {
        asio::co_spawn(threads, std::move(j), [&](std::exception_ptr e) {
            std::lock_guard const held(guard);
            if (!e || failure) return;
            failure = e;
            context.stop();  // the others, whatever they wait for, are destroyed with their channels and the context
        });
    };
    start(produce(p, channels.front()));
    for (std::uint64_t place = 1; place <= p.stages; ++place)
        start(stage(place, p, channels[place - 1], channels[place]));
    start(consume(channels.back(), checksum));
    run_on_all_workers(context);  // until all of them are over
    if (failure) std::rethrow_exception(failure);
    return checksum;
}

}  // namespace

int main(int argc, char** argv) {
    return pipeline::report(pipeline::plan_from(argc, argv), run);
}
