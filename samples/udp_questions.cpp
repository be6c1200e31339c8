// udp_questions: a datagram may be lost, so who wants an answer asks again until there is one.
#include <ramie/ramie.hpp>

#include <array>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

namespace {

// Answers every third datagram; the others it "loses", as a network may.
void serve(ramie::udp_socket& socket) {
    std::array<char, 100> text;
    for (int count = 1;; ++count) {
        auto const got = socket.receive_from(text);
        if (!got) return;
        if (count % 3 == 0) (void)socket.send_to("hello, " + std::string(text.data(), got->size), got->from);
    }
}

struct answer {
    std::string text;
    int attempts;
};

answer ask(ramie::endpoint const& server, std::string const& question) {
    auto socket = ramie::udp_socket::bind(ramie::endpoint::loopback_v4(0)).value();
    socket.connect(server).value();  // from now on it hears nobody else
    for (int attempt = 1;; ++attempt) {
        socket.send(question).value();
        std::array<char, 100> text;
        auto const got = ramie::timeout(50ms, [&] { return socket.receive(text).value(); });
        if (got) return {std::string(text.data(), got->size), attempt};
    }
}

}  // namespace

int main() {
    ramie::run([] {
        auto socket = ramie::udp_socket::bind(ramie::endpoint::loopback_v4(0)).value();
        auto const server = socket.local_endpoint().value();
        auto const serving = ramie::scoped_task(ramie::spawn([&] { serve(socket); }));
        for (auto const* name : {"moon", "world"}) {
            auto const [text, attempts] = ask(server, name);
            std::printf("%s (asked %s)\n", text.c_str(), attempts > 2 ? "again and again" : "once or twice");
        }
    });
}
