// Faults in the middle of a call, for every call: the peer resets, another fiber closes, the wait is aborted or times
// out. And what the kernel remembers of descriptors: numbers used again, copies, children.
#include "chance.hpp"
#include "child_process.hpp"
#include "sockets.hpp"
#include "temp_directory.hpp"

#include <ramie/pipe.hpp>
#include <ramie/spawn.hpp>
#include <ramie/udp.hpp>
#include <ramie/unix_datagram.hpp>
#include <ramie/unix_stream.hpp>

#include <array>
#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::tcp_stream;
using ramie::unique_fd;

namespace {

// Every call of a stream that may wait, each repeated until it fails; reading calls end with the stream.
using endless_call = std::function<std::error_code(tcp_stream&)>;

struct named_call {
    char const* name;
    bool reads;
    endless_call run;
};

int zeros() {
    static temp_directory const dir;
    static unique_fd const file = [] {
        std::ofstream(dir / "zeros") << std::string(1'000'000, '\0');
        return unique_fd(::open((dir / "zeros").c_str(), O_RDONLY | O_CLOEXEC));
    }();
    return file.get();
}

std::vector<named_call> const& calls() {
    static std::vector<named_call> const all{
        {"read", true,
         [](tcp_stream& s) {
             std::byte b[100];
             for (;;) {
                 auto const n = s.read(b);
                 if (!n || *n == 0) return error_in(n);
             }
         }},
        {"read_exactly", true,
         [](tcp_stream& s) {
             std::vector<std::byte> b(1'000'000);
             return error_in(s.read_exactly(b)).code;
         }},
        {"read_vectored", true,
         [](tcp_stream& s) {
             std::array<std::byte, 10> a, b;
             std::span<std::byte> const into[] = {a, b};
             for (;;) {
                 auto const n = s.read_vectored(into);
                 if (!n || *n == 0) return error_in(n);
             }
         }},
        {"peek", true,
         [](tcp_stream& s) {
             std::byte b[100];
             for (;;) {
                 auto const n = s.peek(b);
                 if (!n || *n == 0) return error_in(n);
                 (void)s.read(b);
             }
         }},
        {"write", false,
         [](tcp_stream& s) {
             for (;;) {
                 if (auto const n = s.write(too_much()); !n) return n.error();
             }
         }},
        {"write_all", false, [](tcp_stream& s) { return error_in(s.write_all(too_much())).code; }},
        {"write_all_vectored", false,
         [](tcp_stream& s) {
             std::span<std::byte const> const from[] = {too_much(), too_much()};
             return error_in(s.write_all_vectored(from)).code;
         }},
        {"send_file", false,
         [](tcp_stream& s) {
             for (;;) {
                 if (auto const n = s.send_file(zeros(), 0, 1'000'000); !n) return n.error();
             }
         }},
    };
    return all;
}

bool is_end_of_wait(std::error_code const& e) {
    return e == std::errc::operation_canceled || e == std::errc::bad_file_descriptor;
}

}  // namespace

TEST_CASE("hard: a peer that resets in the middle of each call") {
    (void)zeros();  // made first, because it stays open
    on_each_runtime([] {
        for (auto const& call : calls()) {
            for (bool const parks_first : {true, false}) {
                raw_pair p;
                auto calling = ramie::spawn([&] { return call.run(p.stream); });
                if (parks_first) let_others_park();
                p.peer.reset();
                auto const error = soon([&] { return calling.get(); });
                CHECK((error == std::errc::connection_reset || error == std::errc::broken_pipe));
            }
        }
    });
}

TEST_CASE("hard: another fiber closes in the middle of each call, and two of them at once") {
    (void)zeros();
    on_each_runtime([] {
        for (auto const& call : calls()) {
            auto pair = connect_pair();
            auto one = ramie::spawn([&] { return call.run(pair.here); });
            auto other = ramie::spawn([&] { return call.run(pair.here); });
            let_others_park();
            pair.here.close();
            CHECK(is_end_of_wait(soon([&] { return one.get(); })));
            CHECK(is_end_of_wait(soon([&] { return other.get(); })));
        }
    });
}

TEST_CASE("hard: an abort and a timeout in the middle of each call, after which the stream still works") {
    (void)zeros();
    on_each_runtime([] {
        for (auto const& call : calls()) {
            auto pair = connect_pair();
            CHECK_FALSE(ramie::timeout(2ms, [&] { return call.run(pair.here); }).has_value());
            auto aborted = ramie::spawn([&] { return call.run(pair.here); });
            let_others_park();
            CHECK(aborted.abort_and_join().error().is_cancelled());
            CHECK(pair.there.write_all("still").has_value());
            CHECK(soon([&] { return text_from(pair.here); }) == "still");
        }
    });
}

TEST_CASE("hard: the peer ends its side: readers come to the end, writers go on") {
    on_each_runtime([] {
        for (auto const& call : calls()) {
            if (!call.reads) continue;
            auto pair = connect_pair();
            auto reading = ramie::spawn([&] { return call.run(pair.here); });
            let_others_park();
            CHECK(pair.there.shutdown_write().has_value());
            auto const error = soon([&] { return reading.get(); });
            CHECK((!error || error == ramie::stream_errc::unexpected_end));
            CHECK(pair.here.write_all("half open").has_value());
            CHECK(text_from(pair.there) == "half open");
        }
    });
}

TEST_CASE("hard: a connection that was reset before it was accepted is accepted, and says so") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        {
            raw_peer peer(listener.local_endpoint());
            peer.send("never read");
            peer.reset();
        }
        auto stream = soon([&] { return listener.accept(); });
        REQUIRE(stream.has_value());
        std::byte b[100];
        auto const n = stream->read(b);
        CHECK((n ? *n == 10 || *n == 0 : n.error() == std::errc::connection_reset));
    });
}

TEST_CASE("hard: urgent data cuts a read short, and what comes behind it is not missed") {
    on_each_runtime([] {
        for (bool const reader_parks_first : {true, false}) {
            raw_pair p;
            std::string text(6, '\0');
            auto reading = ramie::spawn([&] { return p.stream.read_exactly(text).has_value(); });
            if (reader_parks_first) let_others_park();
            p.peer.option(IPPROTO_TCP, TCP_CORK, 1);
            p.peer.send("abc");
            REQUIRE(::send(p.peer.fd(), "!", 1, MSG_OOB) == 1);
            p.peer.send("def");
            p.peer.option(IPPROTO_TCP, TCP_CORK, 0);
            CHECK(soon([&] { return reading.get(); }));
            CHECK(text == "abcdef");
        }
    });
}

TEST_CASE("hard: a copy of a descriptor keeps the connection, but not our registration") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        for (int i = 0; i < 20; ++i) {
            raw_peer peer(listener.local_endpoint());
            auto stream = listener.accept().value();
            unique_fd const copy(::dup(stream.native_handle()));
            stream.close();
            // The kernel goes on reporting the old registration; the next socket has its slot, and must not get these
            // reports.
            raw_peer second(listener.local_endpoint());
            auto next = listener.accept().value();
            auto reading = ramie::spawn([&] { return text_from(next); });
            let_others_park();
            peer.send("for the copy");
            let_others_park();
            CHECK_FALSE(reading.is_finished());
            second.send("for the next");
            CHECK(soon([&] { return reading.get(); }) == "for the next");
            char b[20];
            CHECK(::recv(copy.get(), b, sizeof b, 0) == 12);
        }
    });
}

TEST_CASE("hard: numbers used again under load: no fiber reads or writes another's connection") {
    RAMIE_CAPTURE_SEED();
    ramie::run({.workers = 4}, [] {
        auto listener = listener_on_loopback();
        std::atomic<std::size_t> good{0}, wrong{0};
        auto serving = ramie::spawn([&] {
            for (;;) {
                auto client = listener.accept();
                if (!client) return;
                ramie::spawn([s = std::move(*client)]() mutable {
                    std::byte b[64];
                    for (;;) {
                        auto const n = s.read(b);
                        if (!n || *n == 0 || !s.write_all(std::span(b).first(*n))) return;
                    }
                }).detach();
            }
        });
        std::vector<ramie::join_handle<void>> clients;
        auto const each_rounds = rounds(200);
        for (std::uint64_t c = 0; c < 32; ++c) {
            clients.push_back(ramie::spawn([&, c] {
                chance random(c);
                for (std::size_t i = 0; i < each_rounds; ++i) {
                    auto stream = std::make_unique<tcp_stream>(tcp_stream::connect(listener.local_endpoint()).value());
                    auto const mine = std::to_string(c) + "/" + std::to_string(i) + ";";
                    std::string answer(mine.size(), '\0');
                    auto const exchange = [&] {
                        if (!stream->write_all(mine) || !stream->read_exactly(answer)) return false;
                        ++(answer == mine ? good : wrong);
                        return true;
                    };
                    CHECK(exchange());
                    // Another fiber closes a later one at some moment.
                    auto closing = ramie::spawn([&stream, wait = random.up_to(300us)] {
                        ramie::this_fiber::sleep_for(wait);
                        stream->close();
                    });
                    while (exchange()) {}
                    closing.get();
                }
            }));
        }
        for (auto& each : clients) each.get();
        listener.close();
        serving.get();
        CHECK(wrong == 0);
        CHECK(good >= 32 * each_rounds);
    });
}

TEST_CASE("hard: one reads and one writes each end, all at once, while a third peeks") {
    on_each_runtime([] {
        auto pair = connect_pair();
        auto const size = rounds(1'000'000);
        std::vector<std::byte> const bytes(size, std::byte{'x'});
        auto const send = [&](tcp_stream& s) {
            CHECK(s.write_all(bytes).has_value());
            CHECK(s.shutdown_write().has_value());
        };
        auto const count = [](tcp_stream& s) {
            std::size_t n = 0;
            std::byte b[10'000];
            while (auto const got = s.read(b).value()) n += got;
            return n;
        };
        auto a = ramie::spawn([&] { send(pair.here); }), b = ramie::spawn([&] { send(pair.there); });
        auto c = ramie::spawn([&] { return count(pair.here); }), d = ramie::spawn([&] { return count(pair.there); });
        auto looking = ramie::spawn([&] {
            std::byte look[1];
            while (pair.here.peek(look).value() != 0) ramie::this_fiber::yield();
        });
        CHECK(soon([&] { return c.get(); }) == size);
        CHECK(soon([&] { return d.get(); }) == size);
        a.get();
        b.get();
        soon([&] { looking.get(); });
    });
}

TEST_CASE("hard: no descriptor of ours is inherited by a program that is executed") {
    // The descriptors of ours that an executed program has.
    auto const inherited = [] {
        auto const end = in_child([] {
            ::execlp("sh", "sh", "-c", "for f in /proc/self/fd/*; do readlink $f; done; true", nullptr);
            ::_exit(127);
        });
        REQUIRE(end.exited_with(0));
        return end.output;
    };
    auto const sockets_in = [](std::string const& listing) {
        std::multiset<std::string> kinds;
        for (std::size_t at = 0; at < listing.size();) {
            auto const line = listing.substr(at, listing.find('\n', at) - at);
            for (auto const* kind : {"socket:", "pipe:", "anon_inode:"}) {
                if (line.starts_with(kind)) kinds.insert(line);
            }
            at += line.size() + 1;
        }
        return kinds.size();
    };
    temp_directory const dir;
    auto const before = sockets_in(inherited());
    ramie::run({.workers = 2}, [&] {
        auto const tcp = connect_pair();
        auto const listener = listener_on_loopback();
        auto const by_name = tcp_stream::connect("localhost", listener.local_port()).value();
        auto const udp = ramie::udp_socket::bind(endpoint::loopback_v4(0)).value();
        auto const at = ramie::unix_endpoint::path(dir / "s").value();
        auto unix_listener = ramie::unix_listener::bind(at).value();
        auto const client = ramie::unix_stream::connect(at).value();
        auto const accepted = unix_listener.accept().value();
        auto pair = ramie::unix_stream::pair().value();
        auto const datagrams = ramie::unix_datagram::pair().value();
        auto const pipe = ramie::make_pipe().value();
        REQUIRE(::mkfifo((dir / "f").c_str(), 0600) == 0);
        auto const fifo = ramie::pipe_reader::open(dir / "f").value();
        int const one[] = {tcp.here.native_handle()};
        CHECK(pair.first.send_fds("x", one).has_value());
        char b[1];
        auto const received = pair.second.receive_fds(b).value();
        auto const listing = inherited();
        CHECK(sockets_in(listing) == before);
        CHECK(listing.find(dir / "f") == listing.npos);
    });
}

TEST_CASE("hard: no route to the address is an error, by number and by race (in a child that dies)") {
    auto const end = in_child([] {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWNET) != 0) ::_exit(42);
        bool const right = ramie::run({.workers = 2}, [] {
            auto const to = endpoint::parse("192.0.2.1:80").value();
            auto const direct = tcp_stream::connect(to), by_name = tcp_stream::connect("192.0.2.1", 80);
            auto udp = ramie::udp_socket::bind(endpoint::any_v4(0)).value();
            return error_in(direct) == std::errc::network_unreachable &&
                   error_in(by_name) == std::errc::network_unreachable &&
                   error_in(udp.send_to("x", to)) == std::errc::network_unreachable;
        });
        ::_exit(right ? 0 : 1);
    });
    if (end.exited_with(42)) MESSAGE("skipped: no network namespace may be made here");
    else CHECK(end.exited_with(0));
}
