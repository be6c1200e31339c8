// Datagrams over unix sockets: whole, in order, none lost; and waiting for a full receiver.
#include "chance.hpp"
#include "sockets.hpp"
#include "temp_directory.hpp"

#include <ramie/spawn.hpp>
#include <ramie/unix_datagram.hpp>

#include <atomic>
#include <vector>

#include <fcntl.h>

using namespace ramie::testing;
using ramie::unix_datagram;
using ramie::unix_endpoint;

namespace {

unix_endpoint somewhere() {
    static std::atomic<int> count{0};
    return unix_endpoint::abstract("ramie-dgram-" + std::to_string(::getpid()) + "-" + std::to_string(++count)).value();
}

std::string text_from(unix_datagram& s) {
    std::string text(10'000, '\0');
    text.resize(soon([&] { return s.receive(text).value().size; }));
    return text;
}

}  // namespace

TEST_CASE("unix datagram: each says where it came from, and is answered there; an unbound one is nowhere") {
    temp_directory const dir;
    on_each_runtime([&] {
        auto server = unix_datagram::bind(unix_endpoint::path(dir / "s").value(), true).value();
        auto client = unix_datagram::bind(somewhere()).value();
        auto const at = server.local_endpoint().value();
        CHECK(client.send_to("hello", at) == 5u);
        std::string text(100, '\0');
        auto const got = server.receive_from(text).value();
        CHECK(got.size == 5);
        CHECK(got.from == client.local_endpoint().value());
        CHECK(server.send_to("back", got.from).has_value());
        CHECK(text_from(client) == "back");

        auto anonymous = unix_datagram::unbound().value();
        CHECK(anonymous.connect(at).has_value());
        CHECK(anonymous.peer_endpoint().value() == at);
        CHECK(anonymous.send("who am I") == 8u);
        CHECK(server.receive_from(text).value().from.is_unnamed());
    });
}

TEST_CASE("unix datagram: what does not fit is cut off and told apart; 0 bytes are a datagram") {
    on_each_runtime([] {
        auto [here, there] = unix_datagram::pair().value();
        for (auto const* each : {"thirteen byte", "", "four"}) CHECK(there.send(each).has_value());
        char small[4];
        auto const cut = here.receive(small).value();
        CHECK(cut.truncated());
        CHECK(cut.full_size == 13);
        CHECK(here.receive(small).value() == ramie::datagram_size{0, 0});
        CHECK(here.receive(small).value() == ramie::datagram_size{4, 4});
    });
}

TEST_CASE("unix datagram: senders wait for a full receiver, connected or not, and nothing is lost or overtakes") {
    on_each_runtime([] {
        // So many that the receiver's queue is full (net.unix.max_dgram_qlen) before a sender's own buffer is.
        int const senders = 20, each_sends = 60;
        for (bool const connected : {true, false}) {
            auto server = unix_datagram::bind(somewhere()).value();
            auto const at = server.local_endpoint().value();
            std::vector<ramie::join_handle<void>> sending;
            for (int sender = 0; sender < senders; ++sender) {
                sending.push_back(ramie::spawn([&, sender] {
                    auto client = unix_datagram::unbound().value();
                    if (connected) CHECK(client.connect(at).has_value());
                    for (int i = 0; i < each_sends; ++i) {
                        auto const text = std::to_string(sender * each_sends + i);
                        CHECK((connected ? client.send(text) : client.send_to(text, at)).has_value());
                    }
                }));
            }
            let_others_park();
            let_others_park();
            std::vector<int> next(senders, 0);
            for (int n = 0; n < senders * each_sends; ++n) {
                auto const got = std::stoi(text_from(server));
                CHECK(got % each_sends == next[static_cast<std::size_t>(got / each_sends)]++);
            }
            for (auto& each : sending) soon([&] { each.get(); });
        }
    });
}

TEST_CASE("unix datagram: a pair's sender waits for its own buffer") {
    on_each_runtime([] {
        auto [here, there] = unix_datagram::pair().value();
        CHECK(there.set_send_buffer(8192).has_value());
        auto sending = ramie::spawn([&] {
            for (int i = 0; i < 200; ++i) CHECK(there.send(std::string(1000, 'x')).has_value());
        });
        let_others_park();
        for (int i = 0; i < 200; ++i) CHECK(text_from(here).size() == 1000);
        soon([&] { sending.get(); });
    });
}

TEST_CASE("unix datagram: a sender that waits is aborted, timed out, closed; or its receiver goes") {
    on_each_runtime([] {
        for (bool const connected : {true, false}) {
            auto server = unix_datagram::bind(somewhere()).value();
            auto const at = server.local_endpoint().value();
            auto client = unix_datagram::unbound().value();
            if (connected) CHECK(client.connect(at).has_value());
            auto const send_for_ever = [&] {
                for (;;) {
                    auto const sent = connected ? client.send("x") : client.send_to("x", at);
                    if (!sent) return sent.error();
                }
            };
            CHECK_FALSE(ramie::timeout(3ms, send_for_ever).has_value());
            auto aborted = ramie::spawn(send_for_ever);
            let_others_park();
            CHECK(aborted.abort_and_join().error().is_cancelled());
            auto orphaned = ramie::spawn(send_for_ever);
            let_others_park();
            server.close();
            CHECK(soon([&] { return orphaned.get(); }) == std::errc::connection_refused);
            auto second = unix_datagram::bind(somewhere()).value();
            auto const other = second.local_endpoint().value();
            if (connected) CHECK(client.connect(other).has_value());
            auto closed = ramie::spawn([&] {
                for (;;) {
                    auto const sent = connected ? client.send("x") : client.send_to("x", other);
                    if (!sent) return sent.error();
                }
            });
            let_others_park();
            client.close();
            auto const error = soon([&] { return closed.get(); });
            CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
        }
    });
}

TEST_CASE("unix datagram: a left-over file; no receiver; what is refused") {
    temp_directory const dir;
    ramie::run({.workers = 1}, [&] {
        auto const at = unix_endpoint::path(dir / "s").value();
        { auto const gone = unix_datagram::bind(at).value(); }
        auto client = unix_datagram::unbound().value();
        CHECK(error_in(client.send_to("x", at)) == std::errc::connection_refused);
        CHECK(error_in(client.connect(at)) == std::errc::connection_refused);
        CHECK(error_in(client.send("x")) == std::errc::not_connected);
        CHECK(error_in(unix_datagram::bind(at)) == std::errc::address_in_use);
        auto const living = unix_datagram::bind(at, true).value();
        CHECK(error_in(unix_datagram::bind(at, true)) == std::errc::address_in_use);
        CHECK(client.send_to("x", at).has_value());
        CHECK(error_in(client.send_to(std::string(10'000'000, 'x'), at)) == std::errc::message_size);
        CHECK(error_in(unix_datagram::adopt(ramie::unique_fd(::socket(AF_UNIX, SOCK_STREAM, 0)))) ==
              std::errc::wrong_protocol_type);
        auto adopted = unix_datagram::adopt(ramie::unique_fd(::socket(AF_UNIX, SOCK_DGRAM, 0))).value();
        CHECK((::fcntl(adopted.native_handle(), F_GETFL) & O_NONBLOCK) != 0);
        CHECK((::fcntl(adopted.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    });
    CHECK_THROWS_AS((void)unix_datagram::unbound(), ramie::no_runtime);
}
