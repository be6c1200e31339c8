// The same HTTP/1.1 server with Boost.Asio C++20 coroutines: one awaitable per connection, RAMIE_WORKERS threads.
//
// Here for comparison: every function that waits has to be a coroutine, and so has everything that calls one.

#include "../support/limits.hpp"
#include "../support/port_argument.hpp"
#include "cut_off.hpp"
#include "http_exchange.hpp"
#include "server_process.hpp"

#include <boost/asio.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
namespace asio = boost::asio;

// Everything is named with its executor, for the type-erased default costs an indirection in every operation.
using executor = asio::io_context::executor_type;
using in_coroutine = asio::as_tuple_t<asio::use_awaitable_t<executor>>;
using tcp_stream = in_coroutine::as_default_on_t<asio::basic_stream_socket<asio::ip::tcp, executor>>;
using tcp_listener = in_coroutine::as_default_on_t<asio::basic_socket_acceptor<asio::ip::tcp, executor>>;
using timer = in_coroutine::as_default_on_t<
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>>;
template <class T>
using awaitable = asio::awaitable<T, executor>;

awaitable<void> sleep_for(executor where, std::chrono::milliseconds time) {
    timer alarm(where, time);
    co_await alarm.async_wait();
}

struct limited_stream {
    tcp_stream socket;
    std::unique_ptr<cut_off::guard> limits;  // goes before the socket is closed
};

// Writes all answers there are; false when the client has gone.
awaitable<bool> write_out(limited_stream& client, http::exchange& exchange) {
    for (auto part = exchange.output(); !part.empty(); part = exchange.output()) {
        client.limits->waits();
        auto const [error, count] = co_await asio::async_write(client.socket, asio::buffer(part.data(), part.size()));
        client.limits->goes_on();
        if (error) co_return false;
    }
    co_return true;
}

awaitable<void> serve(limited_stream client) {
    http::exchange exchange;
    std::array<std::byte, http::input_size> input;

    while (exchange.is_open()) {
        client.limits->waits();
        auto const [error, count] = co_await client.socket.async_read_some(asio::buffer(input));
        client.limits->goes_on();
        if (error) co_return;
        exchange.feed(std::span(input).first(count));
        while (auto const reply = exchange.next()) {
            if (reply->is_slow() && !co_await write_out(client, exchange)) co_return;
            if (reply->pause > 0ms) co_await sleep_for(client.socket.get_executor(), reply->pause);
            exchange.answer(*reply);
            if (exchange.is_full() && !co_await write_out(client, exchange)) co_return;
            client.limits->request_is_over();
        }
        if (!co_await write_out(client, exchange)) co_return;
        if (exchange.is_in_request()) client.limits->request_begins();
        if (exchange.has_header()) client.limits->header_is_complete();
    }
}

bool is_shortage(boost::system::error_code error) {
    return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system ||
           error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

// Returns the exit status of the program; every other coroutine ends with the io_context.
awaitable<int> accept_all(tcp_listener& listener, cut_off::watch& gate) {
    for (;;) {
        auto [error, client] = co_await listener.async_accept();
        if (!error) {
            boost::system::error_code ignored;
            client.set_option(asio::ip::tcp::no_delay(true), ignored);
            auto limits = gate.admit(client.native_handle());
            if (!limits) continue;  // one too many is closed
            asio::co_spawn(listener.get_executor(), serve({std::move(client), std::move(limits)}), asio::detached);
        } else if (is_shortage(error)) {
            co_await sleep_for(listener.get_executor(), 10ms);  // until some connection ends
        } else if (error != asio::error::connection_aborted) {
            co_return server_process::stopped(error);
        }
    }
}

awaitable<void> shut_down_who_is_late(executor where, cut_off::watch& gate) {
    for (;;) {
        co_await sleep_for(where, 50ms);
        gate.shut_down_who_is_late();
    }
}

int worker_count() {
    auto const text = std::getenv("RAMIE_WORKERS");
    auto const count = text ? std::atoi(text) : static_cast<int>(std::thread::hardware_concurrency());
    return std::clamp(count, 1, 1024);
}

int run_server(std::uint16_t port) {
    auto const workers = worker_count();
    cut_off::watch gate(sample_limits<cut_off::client_limits>(true));  // outlives the connections
    asio::io_context context(workers);  // told that there is but one, it leaves its locks out
    tcp_listener listener(context);
    boost::system::error_code error;
    asio::ip::tcp::endpoint const where(asio::ip::address_v4::loopback(), port);
    if (listener.open(where.protocol(), error) || listener.set_option(tcp_listener::reuse_address(true), error) ||
        listener.bind(where, error) || listener.listen(SOMAXCONN, error))
        return server_process::cannot_listen(port, error);
    server_process::stop_on_signal(listener.native_handle());
    server_process::say_ready(listener.local_endpoint().port());

    int status = 0;
    asio::co_spawn(context, shut_down_who_is_late(context.get_executor(), gate), asio::detached);
    asio::co_spawn(context, accept_all(listener, gate), [&](std::exception_ptr failure, int result) {
        status = failure ? 1 : result;
        context.stop();
    });
    std::vector<std::jthread> threads;
    for (int extra = 1; extra < workers; ++extra) threads.emplace_back([&] { context.run(); });
    context.run();
    threads.clear();
    return status;
}

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    return run_server(port);
}
