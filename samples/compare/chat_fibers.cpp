// chat_fibers [PORT]: a chat with rooms; who reads too slowly is cut off; SIGTERM ends it after the last lines.
//
// To be read beside chat_coroutines.cpp. What is said to whom is in hall.hpp.

#include "../ports/server_process.hpp"
#include "../support/port_argument.hpp"
#include "hall.hpp"
#include "line_reader.hpp"

#include <ramie/ramie.hpp>

#include <cstdint>
#include <utility>

namespace {

class connected final : public chat::guest {
  public:
    connected(ramie::tcp_stream& client, ramie::sender<chat::line>& outbox) : client_(client), outbox_(outbox) {}
    bool tell(chat::line const& what) override { return outbox_.try_send(what).has_value(); }
    void dismiss() override { (void)client_.shutdown(ramie::shutdown_side::read); }
    void cut_off() override { client_.close(); }

  private:
    ramie::tcp_stream& client_;
    ramie::sender<chat::line>& outbox_;
};

void read_from(ramie::tcp_stream& client, ramie::sender<chat::line>& outbox, chat::hall& hall) {
    {
        connected who(client, outbox);
        chat::stay here(hall, who);
        line_reader lines(client, chat::longest_line);
        while (auto const line = lines.next())
            if (!here.hear(*line)) break;
    }
    outbox.close();
    ramie::this_fiber::sleep_for(chat::linger);
}

void write_to(ramie::tcp_stream& client, ramie::receiver<chat::line>& lines) {
    for (auto const& line : lines)
        if (!client.write_all(*line)) return;
}

// Either loop's end ends the other: the writer ends when all is written or nothing can be, the reader after lingering.
void serve(ramie::tcp_stream client, chat::hall& hall) {
    auto [outbox, lines] = ramie::channel<chat::line>(chat::outbox_size);
    ramie::race([&] { read_from(client, outbox, hall); }, [&] { write_to(client, lines); });
}

int run_server(std::uint16_t port) {
    auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
    if (!listener) return server_process::cannot_listen(port, listener.error());
    server_process::stop_on_signal(listener->native_handle());
    server_process::say_ready(listener->local_port());
    chat::hall hall;
    ramie::scope guests;
    for (;;) {
        auto client = listener->accept();
        if (!client) {
            hall.close();
            guests.wait();
            return server_process::stopped(client.error());
        }
        guests.spawn([c = std::move(*client), &hall]() mutable { serve(std::move(c), hall); }).detach();
    }
}

}  // namespace

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    return ramie::run([port] { return run_server(port); });
}
