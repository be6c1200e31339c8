// Several addresses of one host: when each is tried, which one wins, and what is left of the others.
#include "full_listener.hpp"
#include "net/connect_race.hpp"
#include "ready/interest_set.hpp"
#include "sockets.hpp"

#include <ramie/spawn.hpp>

#include <array>
#include <optional>
#include <vector>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::tcp_stream;
using ramie::detail::connect_race;
using ramie::detail::interest_set;
using ramie::detail::interleaved;

namespace {

endpoint closed_port() {
    auto const listener = listener_on_loopback();
    return listener.local_endpoint();
}

std::expected<ramie::detail::owned_descriptor, std::error_code> race(std::vector<endpoint> const& to,
                                                                     std::chrono::milliseconds stagger) {
    return connect_race(to, {.stagger = stagger}, interest_set::current("test"));
}

endpoint v4(std::uint16_t n) { return endpoint::loopback_v4(n); }
endpoint v6(std::uint16_t n) { return endpoint::loopback_v6(n); }

}  // namespace

TEST_CASE("connect race: the families take turns, the first's first; within one the order stays") {
    using list = std::vector<endpoint>;
    CHECK(interleaved(list{}).empty());
    CHECK(interleaved(list{v4(1)}) == list{v4(1)});
    CHECK(interleaved(list{v6(1), v6(2), v6(3), v4(4), v4(5)}) == list{v6(1), v4(4), v6(2), v4(5), v6(3)});
    CHECK(interleaved(list{v4(1), v6(2), v6(3), v6(4)}) == list{v4(1), v6(2), v6(3), v6(4)});
    CHECK(interleaved(list{v4(1), v4(2)}) == list{v4(1), v4(2)});
}

TEST_CASE("connect race: when one fails, the next is tried at once, and not after the stagger") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        auto const refused = closed_port();
        CHECK(soon([&] { return race({refused, refused, listener.local_endpoint()}, 1h); }).has_value());
        CHECK(listener.accept().has_value());
    });
}

TEST_CASE("connect race: one that does not answer is passed over after the stagger, and given up when another wins") {
    on_each_runtime([] {
        full_listener silent;
        auto listener = listener_on_loopback();
        auto const before = open_descriptors();
        {
            auto const won = soon([&] {
                return race({silent.listener.local_endpoint(), listener.local_endpoint()}, 10ms);
            });
            REQUIRE(won.has_value());
            CHECK(open_descriptors() == before + 1);
            auto accepted = listener.accept();
            CHECK(accepted.has_value());
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("connect race: one that fails while an earlier one is silent makes the next begin at once") {
    on_each_runtime([] {
        full_listener silent;
        auto listener = listener_on_loopback();
        auto const before = open_descriptors();
        // With a stagger after each address it would take a minute.
        std::vector<endpoint> to(600, closed_port());
        to.front() = silent.listener.local_endpoint();
        to.back() = listener.local_endpoint();
        CHECK(soon([&] { return race(to, 100ms).has_value(); }));
        CHECK(soon([&] { return listener.accept(); }).has_value());
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("connect race: an earlier address still wins when it answers after a later one was begun") {
    ramie::run({.workers = 2}, [] {
        full_listener slow, silent;
        auto racing = ramie::spawn([&] {
            auto const won = race({slow.listener.local_endpoint(), silent.listener.local_endpoint()}, 1ms);
            sockaddr_storage name{};
            socklen_t size = sizeof name;
            REQUIRE(::getpeername(won.value().fd(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
            return endpoint::from(reinterpret_cast<sockaddr*>(&name), size).value();
        });
        ramie::this_fiber::sleep_for(20ms);
        while (!racing.is_finished())  // from now on there is room; the system asks again after a second
            if (!ramie::timeout(10ms, [&] { return slow.listener.accept(); })) continue;
        CHECK(racing.get() == slow.listener.local_endpoint());
    });
}

TEST_CASE("connect race: if all fail, the error is the first one's") {
    on_each_runtime([] {
        auto const nowhere = endpoint::parse("255.255.255.255:1").value();
        auto const other = error_in(race({nowhere}, 1h));
        CHECK(other != std::errc::connection_refused);
        CHECK(error_in(race({closed_port(), nowhere}, 1h)) == std::errc::connection_refused);
        CHECK(error_in(race({nowhere, closed_port()}, 1h)) == other);
    });
}

TEST_CASE("connect race: an abort or a timeout leaves no descriptor behind, however many are under way") {
    on_each_runtime([] {
        full_listener one, two;
        auto const before = open_descriptors();
        auto const connect = [&] {
            return race({one.listener.local_endpoint(), two.listener.local_endpoint()}, 1ms).has_value();
        };
        CHECK_FALSE(ramie::timeout(10ms, connect).has_value());
        CHECK(open_descriptors() == before);
        auto aborted = ramie::spawn(connect);
        while (open_descriptors() < before + 2) let_others_park();
        CHECK(aborted.abort_and_join().error().is_cancelled());
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("connect race: many at once over two addresses") {
    on_each_runtime([] {
        auto listener = listener_on_loopback();
        auto const refused = closed_port();
        auto serving = ramie::spawn([&] {
            for (int i = 0; i < 100; ++i) CHECK(listener.accept().has_value());
        });
        std::vector<ramie::join_handle<bool>> all;
        for (int i = 0; i < 100; ++i)
            all.push_back(ramie::spawn([&] { return race({refused, listener.local_endpoint()}, 1h).has_value(); }));
        for (auto& each : all) CHECK(soon([&] { return each.get(); }));
        serving.get();
    });
}
