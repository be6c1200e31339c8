#include <ramie/endpoint.hpp>

#include "sockets.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

#include <net/if.h>

using ramie::endpoint;
using ramie::endpoint_errc;
using ramie::testing::error_in;

TEST_CASE("endpoint: what parse reads, to_string writes") {
    for (auto const* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:443", "[::]:0",
                             "[2001:db8::ff00:42:8329]:8080", "[::ffff:1.2.3.4]:1"}) {
        CAPTURE(text);
        auto const e = endpoint::parse(text);
        REQUIRE(e.has_value());
        CHECK(to_string(*e) == text);
        CHECK(e->is_v6() == (text[0] == '['));
        CHECK(e->is_v4() != e->is_v6());
    }
}

TEST_CASE("endpoint: the parts") {
    auto const e = endpoint::parse("10.1.2.3:8080").value();
    CHECK(e.address() == "10.1.2.3");
    CHECK(e.port() == 8080);
    CHECK(e.with_port(9).port() == 9);
    CHECK(e.with_port(9).address() == "10.1.2.3");
    CHECK(endpoint::parse("::1", 5).value() == endpoint::loopback_v6(5));
    CHECK(endpoint::parse("127.0.0.1", 5).value() == endpoint::loopback_v4(5));
    CHECK(endpoint() == endpoint::any_v4(0));
    CHECK(to_string(endpoint::any_v6(7)) == "[::]:7");
    std::ostringstream out;
    out << e;
    CHECK(out.str() == "10.1.2.3:8080");
}

TEST_CASE("endpoint: what is wrong with a text is said") {
    struct {
        std::string_view text;
        endpoint_errc why;
    } const bad[] = {
        {"", endpoint_errc::no_port},
        {"127.0.0.1", endpoint_errc::no_port},
        {"[::1]", endpoint_errc::no_port},
        {":80", endpoint_errc::bad_address},
        {"localhost:80", endpoint_errc::bad_address},
        {"1.2.3:80", endpoint_errc::bad_address},
        {"1.2.3.256:80", endpoint_errc::bad_address},
        {" 127.0.0.1:80", endpoint_errc::bad_address},
        {"[::1:80", endpoint_errc::bad_address},
        {"[::1]x:80", endpoint_errc::bad_address},
        {"[127.0.0.1]:80", endpoint_errc::bad_address},
        {"[:::1]:80", endpoint_errc::bad_address},
        {"[]:80", endpoint_errc::bad_address},
        {"::1:80", endpoint_errc::missing_brackets},
        {"::1", endpoint_errc::missing_brackets},
        {"127.0.0.1:", endpoint_errc::bad_port},
        {"127.0.0.1:65536", endpoint_errc::bad_port},
        {"127.0.0.1:-1", endpoint_errc::bad_port},
        {"127.0.0.1:+1", endpoint_errc::bad_port},
        {"127.0.0.1:80 ", endpoint_errc::bad_port},
        {"127.0.0.1:http", endpoint_errc::bad_port},
        {"[fe80::1%no-such-zone]:80", endpoint_errc::bad_zone},
        {"[fe80::1%]:80", endpoint_errc::bad_zone},
        {std::string_view("127.0.0.1\0:80", 13), endpoint_errc::bad_address},
    };
    for (auto const& each : bad) {
        CAPTURE(each.text);
        auto const e = endpoint::parse(each.text);
        REQUIRE_FALSE(e.has_value());
        CHECK(error_in(e) == each.why);
        CHECK(error_in(e) == std::errc::invalid_argument);
        CHECK_FALSE(error_in(e).message().empty());
    }
    std::string const long_one(100'000, '1');
    CHECK(error_in(endpoint::parse(long_one + ":1")) == endpoint_errc::bad_address);
    CHECK(error_in(endpoint::parse("127.0.0.1:" + long_one)) == endpoint_errc::bad_port);
}

TEST_CASE("endpoint: a zone is kept, by name and by number") {
    auto const lo = ::if_nametoindex("lo");
    if (lo == 0) return;
    auto const named = endpoint::parse("[fe80::1%lo]:1").value();
    CHECK(named == endpoint::parse("[fe80::1%" + std::to_string(lo) + "]:1").value());
    CHECK(to_string(named) == "[fe80::1%lo]:1");
    CHECK(named != endpoint::parse("[fe80::1]:1").value());
    CHECK(to_string(endpoint::parse("[fe80::1%4000000]:1").value()) == "[fe80::1%4000000]:1");
}

TEST_CASE("endpoint: ordered by family, address, port") {
    std::vector<endpoint> sorted;
    for (auto const* text : {"1.2.3.4:5", "1.2.3.4:6", "1.2.3.5:1", "2.0.0.0:0", "[::1]:1", "[::1]:2", "[::2]:0"})
        sorted.push_back(endpoint::parse(text).value());
    CHECK(std::is_sorted(sorted.begin(), sorted.end()));
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
}

TEST_CASE("endpoint: from what a system call filled in") {
    auto const v6 = endpoint::parse("[::5]:6").value();
    CHECK(endpoint::from(v6.data(), v6.size()).value() == v6);
    auto const v4 = endpoint::parse("1.2.3.4:5").value();
    CHECK(endpoint::from(v4.data(), v4.size()).value() == v4);
    sockaddr unix_name{};
    unix_name.sa_family = AF_UNIX;
    CHECK(error_in(endpoint::from(&unix_name, sizeof unix_name)) == std::errc::address_family_not_supported);
    CHECK(error_in(endpoint::from(v6.data(), 4)) == std::errc::address_family_not_supported);
}
