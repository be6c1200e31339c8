// UDP on the loopback, where no datagram is lost as long as the buffers hold it.
#include "chance.hpp"
#include "sockets.hpp"

#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/udp.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include <fcntl.h>
#include <net/if.h>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::udp_socket;

namespace {

udp_socket on_loopback(ramie::udp_options const& options = {}) {
    return udp_socket::bind(endpoint::loopback_v4(0), options).value();
}

endpoint where(udp_socket const& s) { return s.local_endpoint().value(); }

std::string text_from(udp_socket& s) {
    std::string text(70'000, '\0');
    text.resize(soon([&] { return s.receive(text).value().size; }));
    return text;
}

endpoint closed_port() { return where(on_loopback()); }

bool is_end_of_wait(std::error_code const& e) {
    return e == std::errc::operation_canceled || e == std::errc::bad_file_descriptor;
}

}  // namespace

TEST_CASE("udp: unconnected, each datagram says where it came from") {
    on_each_runtime([] {
        auto server = on_loopback(), one = on_loopback(), two = on_loopback();
        auto serving = ramie::spawn([&] {
            for (int i = 0; i < 2; ++i) {
                std::string text(100, '\0');
                auto const got = server.receive_from(text).value();
                CHECK(server.send_to("to " + text.substr(0, got.size), got.from).has_value());
            }
        });
        CHECK(one.send_to("one", where(server)) == 3u);
        CHECK(two.send_to("two", where(server)) == 3u);
        CHECK(text_from(one) == "to one");
        CHECK(text_from(two) == "to two");
        serving.get();
        CHECK(error_in(one.send("nowhere")) == std::errc::destination_address_required);
    });
}

TEST_CASE("udp: connected, only the peer is heard; all are heard again after disconnect") {
    on_each_runtime([] {
        auto here = on_loopback(), there = on_loopback(), stranger = on_loopback();
        auto const ours = where(here);
        CHECK(here.connect(where(there)).has_value());
        CHECK(here.peer_endpoint().value() == where(there));
        CHECK(stranger.send_to("not for you", ours).has_value());
        CHECK(there.send_to("hello", ours).has_value());
        CHECK(text_from(here) == "hello");
        CHECK(here.send("back") == 4u);
        CHECK(text_from(there) == "back");
        CHECK(here.disconnect().has_value());
        CHECK(where(here) == ours);
        CHECK(stranger.send_to("now", ours).has_value());
        CHECK(text_from(here) == "now");
    });
}

TEST_CASE("udp: what does not fit is cut off and told apart; 0 bytes are a datagram; the largest there is") {
    on_each_runtime([] {
        auto here = on_loopback({.receive_buffer = 1 << 20}), there = on_loopback({.send_buffer = 1 << 20});
        auto const to = where(here);
        char small[4];
        CHECK(there.send_to("exactly eight", to).has_value());
        CHECK(there.send_to("", to) == 0u);
        CHECK(there.send_to("four", to).has_value());
        auto const cut = here.receive(small).value();
        CHECK(cut.truncated());
        CHECK(cut.size == 4);
        CHECK(cut.full_size == 13);
        auto const empty = here.receive_from(small).value();
        CHECK(empty.size == 0);
        CHECK_FALSE(empty.truncated());
        CHECK(empty.from == where(there));
        auto const whole = here.receive(small).value();
        CHECK(whole.size == 4);
        CHECK_FALSE(whole.truncated());

        std::string const largest(65507, 'x');
        CHECK(there.send_to(largest, to) == largest.size());
        CHECK(text_from(here) == largest);
        CHECK(error_in(there.send_to(largest + "x", to)) == std::errc::message_size);

        CHECK(there.send_to("", to) == 0u);
        CHECK(there.send_to("into nothing", to).has_value());
        CHECK(here.receive(std::span<char>()).value() == ramie::datagram_size{0, 0});
        CHECK(here.receive(std::span<char>()).value() == ramie::datagram_size{0, 12});
    });
}

TEST_CASE("udp: a short datagram says nothing about the next: all that are there are read without another edge") {
    on_each_runtime([] {
        auto here = on_loopback(), there = on_loopback();
        auto reader = ramie::spawn([&] {
            std::string all;
            for (int i = 0; i < 5; ++i) all += text_from(here);
            return all;
        });
        let_others_park();
        for (auto const* each : {"a", "b", "", "c", "d"}) CHECK(there.send_to(each, where(here)).has_value());
        CHECK(soon([&] { return reader.get(); }) == "abcd");
    });
}

TEST_CASE("udp: a port without a socket is an error of a connected socket, once, also for a fiber that waits") {
    on_each_runtime([] {
        auto here = on_loopback();
        CHECK(here.connect(closed_port()).has_value());
        for (int i = 0; i < 3; ++i) {
            auto reader = ramie::spawn([&] {
                char b[8];
                return error_in(here.receive(b));
            });
            if (i > 0) let_others_park();
            CHECK(here.send("anybody?") == 8u);
            CHECK(soon([&] { return reader.get(); }) == std::errc::connection_refused);
        }
        char b[8];
        CHECK_FALSE(ramie::timeout(2ms, [&] { return here.receive(b).has_value(); }).has_value());
        auto unconnected = on_loopback();
        CHECK(unconnected.send_to("anybody?", closed_port()) == 8u);
        CHECK(unconnected.send_to("anybody?", closed_port()) == 8u);
    });
}

TEST_CASE("udp: batches go out and come in together, in order, each with its size and sender") {
    on_each_runtime([] {
        auto here = on_loopback({.receive_buffer = 1 << 20}), there = on_loopback();
        auto const to = where(here);
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < 100; ++i) texts.push_back(std::string(i % 12, 'x') + std::to_string(i));
        std::vector<ramie::outgoing_datagram<endpoint>> out;
        for (auto const& each : texts) out.push_back({std::as_bytes(std::span(each)), &to});
        auto sending = ramie::spawn([&] {
            for (std::size_t sent = 0; sent < out.size();) {
                auto const n = there.send_batch(std::span(out).subspan(sent)).value();
                CHECK(n >= 1);
                sent += n;
            }
        });
        std::vector<std::array<std::byte, 8>> room(40);
        std::vector<ramie::incoming_datagram<endpoint>> in;
        for (auto& each : room) in.push_back({each});
        for (std::size_t got = 0; got < texts.size();) {
            auto const n = soon([&] { return here.receive_batch(in).value(); });
            REQUIRE(n >= 1);
            for (std::size_t i = 0; i < n; ++i, ++got) {
                auto const& wanted = texts[got];
                CHECK(in[i].size.full_size == wanted.size());
                CHECK(in[i].size.truncated() == (wanted.size() > 8));
                CHECK(in[i].from == where(there));
                CHECK(std::string_view(reinterpret_cast<char*>(in[i].into.data()), in[i].size.size) ==
                      std::string_view(wanted).substr(0, 8));
            }
        }
        sending.get();
        CHECK(here.receive_batch({}) == 0u);
        CHECK(there.send_batch({}) == 0u);
    });
}

TEST_CASE("udp: a batch of a connected socket, and the error of a later one told by the next call") {
    ramie::run({.workers = 2}, [] {
        auto here = on_loopback(), there = on_loopback();
        CHECK(there.connect(where(here)).has_value());
        std::string const fine = "fine", too_large(70'000, 'x');
        ramie::outgoing_datagram<endpoint> const out[] = {{std::as_bytes(std::span(fine))},
                                                          {std::as_bytes(std::span(too_large))}};
        CHECK(there.send_batch(out) == 1u);
        CHECK(error_in(there.send_batch(std::span(out).subspan(1))) == std::errc::message_size);
        CHECK(text_from(here) == "fine");
    });
}

TEST_CASE("udp: a timeout, an abort and a close end waits") {
    on_each_runtime([] {
        auto here = on_loopback(), there = on_loopback();
        auto const receive = [&] {
            char b[8];
            return error_in(here.receive(b));
        };
        auto const receive_batch = [&] {
            std::byte b[8];
            ramie::incoming_datagram<endpoint> in[] = {{b}};
            return error_in(here.receive_batch(in));
        };
        for (int i = 0; i < 2; ++i) {
            CHECK_FALSE(ramie::timeout(2ms, receive).has_value());
            CHECK_FALSE(ramie::timeout(2ms, receive_batch).has_value());
            auto aborted = ramie::spawn(receive);
            let_others_park();
            CHECK(aborted.abort_and_join().error().is_cancelled());
            CHECK(there.send_to("x", where(here)).has_value());
            CHECK(text_from(here) == "x");
        }
        std::vector<ramie::join_handle<std::error_code>> waiting;
        for (int i = 0; i < 5; ++i) {
            waiting.push_back(ramie::spawn(receive));
            waiting.push_back(ramie::spawn(receive_batch));
        }
        let_others_park();
        here.close();
        for (auto& each : waiting) CHECK(is_end_of_wait(soon([&] { return each.get(); })));
        CHECK(error_in(here.send_to("x", where(there))) == std::errc::bad_file_descriptor);
        CHECK(error_in(here.set_ttl(3)) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("udp: several fibers receive on one socket, and each datagram reaches one of them") {
    on_each_runtime([] {
        auto here = on_loopback({.receive_buffer = 1 << 20}), there = on_loopback();
        auto const count = static_cast<int>(rounds(500));
        std::vector<ramie::join_handle<std::multiset<int>>> readers;
        for (int r = 0; r < 4; ++r) {
            readers.push_back(ramie::spawn([&] {
                std::multiset<int> mine;
                for (;;) {
                    auto const text = text_from(here);
                    if (text == "end") return mine;
                    mine.insert(std::stoi(text));
                }
            }));
        }
        for (int i = 0; i < count; ++i) {
            CHECK(there.send_to(std::to_string(i), where(here)).has_value());
            if (i % 50 == 0) ramie::this_fiber::sleep_for(100us);
        }
        for (int r = 0; r < 4; ++r) CHECK(there.send_to("end", where(here)).has_value());
        std::multiset<int> all;
        for (auto& each : readers) all.merge(soon([&] { return each.get(); }));
        CHECK(all.size() == static_cast<std::size_t>(count));
        CHECK(std::set<int>(all.begin(), all.end()).size() == static_cast<std::size_t>(count));
    });
}

TEST_CASE("udp: non-blocking, close-on-exec; shared ports; a port in use") {
    ramie::run({.workers = 1}, [] {
        auto const first = on_loopback();
        CHECK((::fcntl(first.native_handle(), F_GETFL) & O_NONBLOCK) != 0);
        CHECK((::fcntl(first.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(error_in(udp_socket::bind(where(first))) == std::errc::address_in_use);
        auto const shared = on_loopback({.reuse_port = true});
        CHECK(udp_socket::bind(where(shared), {.reuse_port = true}).has_value());
        CHECK(error_in(udp_socket::bind(endpoint::loopback_v4(0), {.send_buffer = -1})) == std::errc::invalid_argument);
    });
    CHECK_THROWS_AS((void)udp_socket::bind(endpoint::loopback_v4(0)), ramie::no_runtime);
}

TEST_CASE("udp: broadcast is to be asked for; how far, and how much is kept") {
    ramie::run({.workers = 1}, [] {
        auto s = on_loopback();
        auto const everybody = endpoint::parse("255.255.255.255:9").value();
        CHECK(error_in(s.send_to("x", everybody)) == std::errc::permission_denied);
        CHECK(s.set_broadcast(true).has_value());
        CHECK(error_in(s.send_to("x", everybody)) != std::errc::permission_denied);
        auto const option = [&](int level, int name) {
            int value = -1;
            socklen_t size = sizeof value;
            CHECK(::getsockopt(s.native_handle(), level, name, &value, &size) == 0);
            return value;
        };
        CHECK(s.set_ttl(7).has_value());
        CHECK(option(IPPROTO_IP, IP_TTL) == 7);
        CHECK(error_in(s.set_ttl(0)) == std::errc::invalid_argument);
        CHECK(error_in(s.set_ttl(256)) == std::errc::invalid_argument);
        CHECK(s.set_multicast_ttl(0).has_value());
        CHECK(option(IPPROTO_IP, IP_MULTICAST_TTL) == 0);
        CHECK(s.set_multicast_loop(false).has_value());
        CHECK(option(IPPROTO_IP, IP_MULTICAST_LOOP) == 0);
        CHECK(s.set_send_buffer(50'000).has_value());
        CHECK(s.send_buffer().value() >= 50'000);
        CHECK(s.set_receive_buffer(60'000).has_value());
        CHECK(s.receive_buffer().value() >= 60'000);
        CHECK(error_in(s.set_receive_buffer(std::size_t{1} << 40)) == std::errc::invalid_argument);
    });
}

TEST_CASE("udp: what is sent to a group comes to its members, until they leave") {
    ramie::run({.workers = 2}, [] {
        auto const loopback = ::if_nametoindex("lo");
        auto member = udp_socket::bind(endpoint::any_v4(0), {.reuse_address = true}).value();
        auto const group = endpoint::parse("239.255.77.77", member.local_endpoint()->port()).value();
        auto sender = udp_socket::bind(endpoint::any_v4(0)).value();
        CHECK(sender.set_multicast_interface(loopback).has_value());
        CHECK(sender.set_multicast_ttl(0).has_value());
        CHECK(member.join_group(group, loopback).has_value());
        CHECK(sender.send_to("to all", group).has_value());
        CHECK(text_from(member) == "to all");
        CHECK(member.leave_group(group, loopback).has_value());
        CHECK(sender.send_to("gone", group).has_value());
        CHECK(sender.send_to("direct", endpoint::loopback_v4(group.port())).has_value());
        CHECK(text_from(member) == "direct");
        CHECK(error_in(member.join_group(endpoint::loopback_v4(1), loopback)) == std::errc::invalid_argument);
    });
}

TEST_CASE("udp: over IPv6, with its own names for options") {
    ramie::run({.workers = 1}, [] {
        auto here = udp_socket::bind(endpoint::loopback_v6(0), {.v6_only = true});
        if (!here) {
            MESSAGE("skipped: this machine has no IPv6");
            return;
        }
        auto there = udp_socket::bind(endpoint::loopback_v6(0)).value();
        CHECK(there.send_to("six", where(*here)).has_value());
        CHECK(text_from(*here) == "six");
        CHECK(here->set_ttl(9).has_value());
        CHECK(here->set_multicast_ttl(1).has_value());
        CHECK(here->set_multicast_loop(true).has_value());
        CHECK(here->set_multicast_interface(::if_nametoindex("lo")).has_value());
        int value = 0;
        socklen_t size = sizeof value;
        CHECK(::getsockopt(here->native_handle(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, &value, &size) == 0);
        CHECK(value == 9);
        auto const group = endpoint::parse("ff01::77", 1).value();
        CHECK(here->join_group(group, ::if_nametoindex("lo")).has_value());
        CHECK(here->leave_group(group, ::if_nametoindex("lo")).has_value());
    });
}

TEST_CASE("udp: adopted, or refused if it is something else; in a select") {
    ramie::run({.workers = 2}, [] {
        ramie::unique_fd fd(::socket(AF_INET, SOCK_DGRAM, 0));
        auto const at = endpoint::loopback_v4(0);
        REQUIRE(::bind(fd.get(), at.data(), at.size()) == 0);
        auto here = udp_socket::adopt(std::move(fd)).value();
        CHECK((::fcntl(here.native_handle(), F_GETFL) & O_NONBLOCK) != 0);
        CHECK(error_in(udp_socket::adopt(ramie::unique_fd(::socket(AF_INET, SOCK_STREAM, 0)))) ==
              std::errc::wrong_protocol_type);
        auto const ignore = [](auto&&...) {};
        auto waiting = ramie::spawn([&] {
            return ramie::select(ramie::on_readable(here, ignore), ramie::on_sleep(1h, ignore));
        });
        let_others_park();
        auto there = on_loopback();
        CHECK(there.send_to("x", where(here)).has_value());
        CHECK(soon([&] { return waiting.get(); }) == 0);
        CHECK(text_from(here) == "x");
        CHECK(ramie::select(ramie::on_writable(here, ignore), ramie::otherwise(ignore)) == 0);
    });
}
