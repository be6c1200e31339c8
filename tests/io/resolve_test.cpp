#include <ramie/resolve.hpp>

#include "sockets.hpp"

#include <ramie/spawn.hpp>

#include <algorithm>

#include <netdb.h>

using namespace ramie::testing;
using ramie::endpoint;
using ramie::resolve;

TEST_CASE("resolve: a numeric address is taken as it is, anywhere") {
    CHECK(resolve("127.0.0.1", 80).value() == std::vector{endpoint::loopback_v4(80)});
    CHECK(resolve("::1", 81).value() == std::vector{endpoint::loopback_v6(81)});
    ramie::run({.workers = 1}, [] { CHECK(resolve("127.0.0.1", 80).value() == std::vector{endpoint::loopback_v4(80)}); });
}

TEST_CASE("resolve: localhost is this machine, each address once") {
    auto const check = [] {
        auto found = resolve("localhost", 99).value();
        REQUIRE_FALSE(found.empty());
        for (auto const& each : found) CHECK((each == endpoint::loopback_v4(99) || each == endpoint::loopback_v6(99)));
        std::sort(found.begin(), found.end());
        CHECK(std::adjacent_find(found.begin(), found.end()) == found.end());
    };
    check();
    on_each_runtime(check);
}

TEST_CASE("resolve: names that are none") {
    auto const check = [] {
        CHECK(error_in(resolve("", 1)) == std::error_code(EAI_NONAME, ramie::resolve_category()));
        CHECK(error_in(resolve(std::string_view("localhost\0evil", 14), 1)).category() == ramie::resolve_category());
        auto const wrong = resolve("no host has a space", 1);
        REQUIRE_FALSE(wrong.has_value());
        CHECK(error_in(wrong).category() == ramie::resolve_category());
        CHECK_FALSE(error_in(wrong).message().empty());
        CHECK(error_in(resolve(std::string(2000, 'x'), 1)).category() == ramie::resolve_category());
    };
    check();
    ramie::run({.workers = 2}, check);
}

TEST_CASE("resolve: other fibers run meanwhile, and many may ask at once") {
    ramie::run({.workers = 1}, [] {
        std::vector<ramie::join_handle<bool>> asking;
        for (int i = 0; i < 50; ++i) asking.push_back(ramie::spawn([] { return resolve("localhost", 1).has_value(); }));
        for (auto& each : asking) CHECK(each.get());
    });
}

TEST_CASE("resolve: an abort or a timeout returns at once, and the question ends unheard") {
    on_each_runtime([] {
        auto asking = ramie::spawn([] { return resolve("localhost", 1).has_value(); });
        auto const end = asking.abort_and_join();
        CHECK((end.has_value() || end.error().is_cancelled()));
        (void)ramie::timeout(0s, [] { return resolve("localhost", 1).has_value(); });
    });
}
