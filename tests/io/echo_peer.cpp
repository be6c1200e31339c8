// A server for tests that talk to it from outside, with other programs' sockets.
//
//     echo_peer tcp 127.0.0.1:0 | unix PATH | unix @NAME | udp 127.0.0.1:0 | unix-datagram PATH  [WORD ...]
//
// Prints where it listens, sends back what it receives, and ends when its standard input ends, or by SIGTERM. For each
// line of its input it prints how many tasks there are. Words for streams:
//     once     a connection is read once, answered and closed
//     cat      each connection is echoed by a child process, through two pipes
//     tell     the end of each is printed, with its cause
//     narrow   with the smallest send buffer, so that writes are cut short
#include <ramie/ramie.hpp>

#include <csignal>
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

struct manner {
    bool once = false, cat = false, tell = false, narrow = false;
};

// All three return the error that ended the connection; none: its peer had sent all.
template <class Stream>
std::error_code echo(Stream& client, bool once) {
    std::vector<std::byte> part(65536);
    do {
        auto const n = client.read(part);
        if (!n) return n.error();
        if (*n == 0) break;
        if (auto const sent = client.write_all(std::span(part).first(*n)); !sent) return sent.error().code;
    } while (!once);
    return {};
}

template <class Stream>
std::error_code echo_by_cat(Stream& client) {
    auto const piped = ramie::stdio::piped();
    auto cat = ramie::command("cat").in(piped).out(piped).kill_on_drop().spawn();
    if (!cat) return cat.error();
    auto upwards = ramie::scoped_task(ramie::spawn([&] {
        auto const copied = ramie::copy(client, *cat->in);
        cat->in.reset();
        return copied ? std::error_code() : copied.error().code;
    }));
    if (auto const copied = ramie::copy(*cat->out, client); !copied) return copied.error().code;
    if (auto const error = upwards.get()) return error;
    auto const ended = cat->wait();
    if (!ended) return ended.error();
    return ended->success() ? std::error_code() : std::make_error_code(std::errc::io_error);
}

template <class Stream>
std::error_code serve(Stream& client, manner how) {
    if (how.narrow) client.set_send_buffer(1).value();
    return how.cat ? echo_by_cat(client) : echo(client, how.once);
}

void say(std::string const& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

std::string peer_of(ramie::tcp_stream const& client) {
    auto const peer = client.peer_endpoint();
    return peer ? to_string(*peer) : "a stranger";
}
std::string peer_of(ramie::unix_stream const&) { return "a client"; }

template <class Listener>
void accept_all(Listener& listener, manner how) {
    for (;;) {
        auto client = listener.accept();
        if (!client) {
            if (how.tell) say("accept: " + client.error().message());
            return;
        }
        ramie::spawn([c = std::move(*client), how]() mutable {
            auto const peer = how.tell ? peer_of(c) : std::string();
            auto const error = serve(c, how);
            if (how.tell) say(peer + ": " + (error ? error.message() : "whole"));
        }).detach();
    }
}

template <class Socket>
void send_back(Socket& socket) {
    std::vector<std::byte> part(65536);
    while (auto const got = socket.receive_from(part))
        (void)socket.send_to(std::span(part).first(got->size), got->from);  // a peer that has gone is ignored
}

auto place_of(auto const& socket) {
    auto const place = socket.local_endpoint();
    if constexpr (requires { place.value(); }) return place.value();
    else return place;
}

// Answers each line, and returns when there are no more.
void answer_input(ramie::runtime const& all) {
    auto input = ramie::pipe_reader::adopt(ramie::unique_fd(::dup(0))).value();
    ramie::buffered_reader lines(input);
    std::string line;
    while (lines.read_line(line).value()) say("tasks " + std::to_string(all.metrics().live_tasks));
}

// Runs serve(socket) until standard input ends, or SIGTERM comes.
template <class Socket, class Serve>
void until_the_end(ramie::runtime const& all, Socket socket, Serve serve_it) {
    ramie::signals end_requests{SIGTERM};
    std::cout << "listening on " << place_of(socket) << std::endl;
    auto serving = ramie::spawn([&] { serve_it(socket); });
    auto input = ramie::spawn([&] { answer_input(all); });
    ramie::select(ramie::on_join(input, [](auto const&) {}),
                  ramie::on_signal(end_requests, [&](int) { (void)input.abort_and_join(); }));
    socket.close();
    serving.get();
}

int run(ramie::runtime const& all, std::string_view kind, std::string_view place, manner how) {
    if (kind == "tcp") {
        until_the_end(all, ramie::tcp_listener::bind(ramie::endpoint::parse(place).value()).value(),
                      [how](auto& l) { accept_all(l, how); });
    } else if (kind == "unix") {
        until_the_end(all, ramie::unix_listener::bind(unix_place(place), {.replace_stale = true}).value(),
                      [how](auto& l) { accept_all(l, how); });
    } else if (kind == "udp") {
        until_the_end(all, ramie::udp_socket::bind(ramie::endpoint::parse(place).value()).value(),
                      [](auto& s) { send_back(s); });
    } else if (kind == "unix-datagram") {
        until_the_end(all, ramie::unix_datagram::bind(unix_place(place), true).value(), [](auto& s) { send_back(s); });
    } else {
        return 2;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: echo_peer tcp|unix|udp|unix-datagram ADDRESS [once] [cat] [tell] [narrow]\n", stderr);
        return 2;
    }
    manner how;
    for (std::string_view const word : std::span(argv, static_cast<std::size_t>(argc)).subspan(3)) {
        how.once |= word == "once";
        how.cat |= word == "cat";
        how.tell |= word == "tell";
        how.narrow |= word == "narrow";
    }
    ramie::runtime all;
    return all.block_on([&] { return run(all, argv[1], argv[2], how); });
}
