// Boost.Asio's names as the coroutine programs use them, and threads to run them on. Only for that colour.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

namespace asio = boost::asio;

// Everything is named with its executor, for the type-erased default costs an indirection in every operation. What may
// be cancelled from elsewhere runs on a strand: a coroutine must not be cancelled while it runs.
using pool = asio::io_context::executor_type;
using strand = asio::strand<pool>;
template <class T>
using awaitable = asio::awaitable<T, strand>;
using awaited = asio::use_awaitable_t<strand>;
// What is awaited at once is `deferred`, which needs no coroutine of its own.
using tcp_stream = asio::deferred_t::as_default_on_t<asio::basic_stream_socket<asio::ip::tcp, strand>>;
using timer = asio::deferred_t::as_default_on_t<
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, strand>>;
constexpr auto no_throw = asio::as_tuple(asio::deferred);  // the error is a part of the result
using error_code = boost::system::error_code;
using namespace asio::experimental::awaitable_operators;  // a && b, a || b

inline int worker_count() {
    auto const text = std::getenv("RAMIE_WORKERS");
    auto const count = text ? std::atoi(text) : static_cast<int>(std::thread::hardware_concurrency());
    return std::clamp(count, 1, 1024);
}

// Returns when there is nothing more to do, or the context was stopped.
inline void run_on_all_workers(asio::io_context& context) {
    std::vector<std::jthread> threads;
    for (int extra = 1; extra < worker_count(); ++extra) threads.emplace_back([&] { context.run(); });
    context.run();
}
