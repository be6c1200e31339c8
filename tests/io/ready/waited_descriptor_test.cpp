// What a dump says of tasks that wait for descriptors.
#include "sockets.hpp"

#include <ramie/dump.hpp>
#include <ramie/pipe.hpp>
#include <ramie/posix.hpp>
#include <ramie/spawn.hpp>
#include <ramie/tcp.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <array>
#include <sstream>
#include <string>

#include <unistd.h>

namespace {

// Once that is in it: the tasks need some turns to get there.
std::string dumped_with(std::string const& part) {
    for (int i = 0; i < 200; ++i) {
        std::ostringstream out;
        ramie::dump(out, {.each_task = true, .backtraces = false});
        if (out.str().find(part) != std::string::npos) return out.str();
        ramie::this_fiber::sleep_for(std::chrono::milliseconds(5));
    }
    return {};
}

}  // namespace

TEST_CASE("dump: a task that waits for a socket is shown with its number and both addresses") {
    ramie::run([] {
        auto listener = ramie::tcp_listener::bind(ramie::endpoint::loopback_v4(0)).value();
        auto const server = listener.local_endpoint();
        auto client = ramie::tcp_stream::connect(server).value();
        auto peer = listener.accept().value();
        auto reader = ramie::spawn({.name = "reader"}, [&] {
            std::array<std::byte, 1> byte;
            (void)peer.read(byte);
        });
        auto const addresses = to_string(server) + " <-> " + to_string(client.local_endpoint().value());
        auto const text = dumped_with("\"reader\": waits for ");
        CAPTURE(text);
        CHECK(text.find("(socket ") != std::string::npos);
        CHECK(text.find(addresses + ")") != std::string::npos);
        auto accepting = ramie::spawn({.name = "accepting"}, [&] { (void)listener.accept(); });
        CHECK(dumped_with(" " + to_string(server) + ")") != "");
        accepting.abort();
        (void)accepting.join();
        { auto const gone = std::move(client); }
        (void)reader.join();
    });
}

TEST_CASE("dump: a task that waits for a descriptor of others is shown with its number and what it is") {
    ramie::run([] {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        auto reader = ramie::spawn({.name = "reader"}, [&] {
            char byte;
            (void)ramie::posix::read(ends[0], &byte, 1);
        });
        CHECK(dumped_with("(descriptor " + std::to_string(ends[0]) + " pipe:[") != "");
        ::close(ends[1]);
        (void)reader.join();
        ::close(ends[0]);
    });
}
