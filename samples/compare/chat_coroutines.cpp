// chat_coroutines [PORT]: a chat with rooms; who reads too slowly is cut off; SIGTERM ends it after the last lines.
//
// To be read beside chat_fibers.cpp. What is said to whom is in hall.hpp. All that is done for a guest runs on its
// strand; the hall calls from any thread.

#include "../support/port_argument.hpp"
#include "awaitable_server.hpp"
#include "hall.hpp"

#include <boost/asio/experimental/concurrent_channel.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace {

using outbox = asio::experimental::basic_concurrent_channel<strand, asio::experimental::channel_traits<>,
                                                            void(error_code, chat::line)>;

// Shared, for what the hall posts to the strand may run later.
class connected final : public chat::guest, public std::enable_shared_from_this<connected> {
  public:
    explicit connected(tcp_stream s) : client(std::move(s)), lines(client.get_executor(), chat::outbox_size) {}
    bool tell(chat::line const& what) override { return lines.try_send(error_code(), what); }
    void dismiss() override {
        asio::post(client.get_executor(), [self = shared_from_this()] {
            error_code ignored;
            self->client.shutdown(asio::socket_base::shutdown_receive, ignored);
        });
    }
    void cut_off() override {
        asio::post(client.get_executor(), [self = shared_from_this()] {
            error_code ignored;
            self->client.close(ignored);
        });
    }

    tcp_stream client;
    outbox lines;
};

awaitable<void> read_from(connected& who, chat::hall& hall) {
    {
        chat::stay here(hall, who);
        for (std::string kept;;) {
            auto const buffer = asio::dynamic_buffer(kept, chat::longest_line);
            auto const [error, size] = co_await asio::async_read_until(who.client, buffer, '\n', no_throw);
            if (error || !here.hear(kept.substr(0, size - 1))) break;
            kept.erase(0, size);
        }
    }
    // Behind all that is in the channel: closing it would drop that.
    who.lines.async_send(asio::error::eof, {}, asio::detached);
    co_await timer(who.client.get_executor(), chat::linger).async_wait();
}

awaitable<void> write_to(connected& who) {
    for (;;) {
        auto const [ended, line] = co_await who.lines.async_receive(no_throw);
        if (ended) co_return;
        auto const [error, size] = co_await asio::async_write(who.client, asio::buffer(*line), no_throw);
        if (error) co_return;
    }
}

// Either loop's end ends the other: the writer ends when all is written or nothing can be, the reader after lingering.
awaitable<void> serve(std::shared_ptr<connected> who, chat::hall& hall) {
    co_await (read_from(*who, hall) || write_to(*who));
}

int run_server(std::uint16_t port) {
    asio::io_context context(worker_count());
    tcp_listener listener(asio::make_strand(context));
    if (auto const error = listen_on(listener, port)) return server_process::cannot_listen(port, error);
    server_process::stop_on_signal(listener.native_handle());
    server_process::say_ready(listener.local_endpoint().port());
    chat::hall hall;
    int status = 0;
    auto const start = [&](tcp_stream client) {
        auto const here = client.get_executor();
        asio::co_spawn(here, serve(std::make_shared<connected>(std::move(client)), hall), asio::detached);
    };
    asio::co_spawn(listener.get_executor(), accept_all(listener, start), [&](std::exception_ptr failure, int result) {
        status = failure ? 1 : result;
        hall.close();
    });
    run_on_all_workers(context);  // until the last guest has gone
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    return run_server(port);
}
