// Listening and accepting with Boost.Asio: what Ramie's tcp_listener does by itself. Only for the coroutine colour.
#pragma once

#include "../ports/server_process.hpp"
#include "awaitable.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

using tcp_listener = asio::deferred_t::as_default_on_t<asio::basic_socket_acceptor<asio::ip::tcp, strand>>;

inline error_code listen_on(tcp_listener& listener, std::uint16_t port) {
    error_code error;
    asio::ip::tcp::endpoint const where(asio::ip::address_v4::loopback(), port);
    if (listener.open(where.protocol(), error) || listener.set_option(tcp_listener::reuse_address(true), error) ||
        listener.bind(where, error) || listener.listen(SOMAXCONN, error))
        return error;
    return {};
}

inline bool is_shortage(error_code error) {
    return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system ||
           error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

// Calls serve(tcp_stream) for each connection, which has a strand of its own; sits out a lack of descriptors. Ends when
// the listener fails or is shut down, with the exit status of the program.
template <class Serve>
awaitable<int> accept_all(tcp_listener& listener, Serve serve) {
    auto const threads = listener.get_executor().get_inner_executor();
    for (;;) {
        auto [error, client] = co_await listener.async_accept(asio::make_strand(threads), no_throw);
        if (!error) {
            error_code ignored;
            client.set_option(asio::ip::tcp::no_delay(true), ignored);
            serve(tcp_stream(std::move(client)));
        } else if (is_shortage(error)) {
            co_await timer(listener.get_executor(), std::chrono::milliseconds(10)).async_wait();
        } else if (error != asio::error::connection_aborted) {
            co_return server_process::stopped(error);
        }
    }
}
