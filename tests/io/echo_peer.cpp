// A server for the tests that talk to it from outside, with other programs' sockets.
//
//     echo_peer tcp 127.0.0.1:0 | unix PATH | unix @NAME | udp 127.0.0.1:0 | unix-datagram PATH  [once]
//
// Prints where it listens, sends back what comes, and ends when its standard input does. `once`: a connection is read
// once, answered and closed.
#include <ramie/ramie.hpp>

#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

ramie::unix_endpoint unix_place(std::string_view text) {
    using ramie::unix_endpoint;
    return (text.starts_with('@') ? unix_endpoint::abstract(text.substr(1)) : unix_endpoint::path(text)).value();
}

template <class Stream>
void serve(Stream client, bool once) {
    std::vector<std::byte> part(65536);
    do {
        auto const n = client.read(part);
        if (!n || *n == 0 || !client.write_all(std::span(part).first(*n))) return;
    } while (!once);
}

template <class Listener>
void accept_all(Listener& listener, bool once) {
    while (auto client = listener.accept())
        ramie::spawn([c = std::move(*client), once]() mutable { serve(std::move(c), once); }).detach();
}

template <class Socket>
void send_back(Socket& socket) {
    std::vector<std::byte> part(65536);
    while (auto const got = socket.receive_from(part))
        (void)socket.send_to(std::span(part).first(got->size), got->from);  // whoever has gone is not missed
}

auto place_of(auto const& socket) {
    auto const place = socket.local_endpoint();
    if constexpr (requires { place.value(); }) return place.value();
    else return place;
}

// Runs serve(socket) until standard input ends.
template <class Socket, class Serve>
void until_input_ends(Socket socket, Serve serve_it) {
    std::cout << "listening on " << place_of(socket) << std::endl;
    auto serving = ramie::spawn([&] { serve_it(socket); });
    auto input = ramie::pipe_reader::adopt(ramie::unique_fd(::dup(0))).value();
    char b[100];
    while (input.read(b).value() != 0) {}
    socket.close();
    serving.get();
}

int run(std::string_view kind, std::string_view place, bool once) {
    if (kind == "tcp") {
        until_input_ends(ramie::tcp_listener::bind(ramie::endpoint::parse(place).value()).value(),
                         [once](auto& l) { accept_all(l, once); });
    } else if (kind == "unix") {
        until_input_ends(ramie::unix_listener::bind(unix_place(place), {.replace_stale = true}).value(),
                         [once](auto& l) { accept_all(l, once); });
    } else if (kind == "udp") {
        until_input_ends(ramie::udp_socket::bind(ramie::endpoint::parse(place).value()).value(),
                         [](auto& s) { send_back(s); });
    } else if (kind == "unix-datagram") {
        until_input_ends(ramie::unix_datagram::bind(unix_place(place), true).value(), [](auto& s) { send_back(s); });
    } else {
        return 2;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: echo_peer tcp|unix|udp|unix-datagram ADDRESS [once]\n", stderr);
        return 2;
    }
    return ramie::run([&] { return run(argv[1], argv[2], argc > 3 && std::string_view(argv[3]) == "once"); });
}
