// Names of unix sockets.
#include <ramie/unix_endpoint.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <ostream>
#include <string>

using ramie::unix_endpoint;
using namespace std::string_view_literals;

TEST_CASE("unix endpoint: a path, an abstract name, nothing") {
    auto const path = unix_endpoint::path("/tmp/x").value();
    CHECK(path.is_path());
    CHECK(path.name() == "/tmp/x");
    CHECK(to_string(path) == "/tmp/x");
    auto const abstract = unix_endpoint::abstract("x").value();
    CHECK(abstract.is_abstract());
    CHECK_FALSE(abstract.is_path());
    CHECK(abstract.name() == "x");
    CHECK(to_string(abstract) == "@x");
    unix_endpoint const none;
    CHECK(none.is_unnamed());
    CHECK(none.name().empty());
    CHECK(to_string(none) == "(unnamed)");
}

TEST_CASE("unix endpoint: too long, empty, or with a zero byte") {
    CHECK(unix_endpoint::path(std::string(107, 'x')).has_value());
    CHECK(unix_endpoint::path(std::string(108, 'x')).error() == std::errc::filename_too_long);
    CHECK(unix_endpoint::path("").error() == std::errc::invalid_argument);
    CHECK(unix_endpoint::path("a\0b"sv).error() == std::errc::invalid_argument);
    CHECK(unix_endpoint::abstract(std::string(107, 'x')).has_value());
    CHECK(unix_endpoint::abstract(std::string(108, 'x')).error() == std::errc::filename_too_long);
    CHECK(unix_endpoint::abstract("").error() == std::errc::invalid_argument);
    CHECK(unix_endpoint::abstract("a\0b"sv).value().name() == "a\0b"sv);
}

TEST_CASE("unix endpoint: what the system fills in, in every form it has") {
    auto const with_zero = unix_endpoint::abstract("n\0n"sv).value();
    for (auto const& each : {unix_endpoint(), unix_endpoint::path("/p").value(), with_zero})
        CHECK(unix_endpoint::from(each.data(), each.size()).value() == each);
    auto const path = unix_endpoint::path("/p").value();
    CHECK(unix_endpoint::from(path.data(), path.size() - 1).value() == path);  // without the zero byte
    CHECK(unix_endpoint::from(path.data(), sizeof(sockaddr_un)).value() == path);
    CHECK(unix_endpoint::from(path.data(), 0).value().is_unnamed());
    sockaddr other{};
    other.sa_family = AF_INET;
    CHECK(unix_endpoint::from(&other, sizeof other).error() == std::errc::address_family_not_supported);
    sockaddr_un full{};
    full.sun_family = AF_UNIX;
    std::memset(full.sun_path, 'x', sizeof full.sun_path);
    CHECK(unix_endpoint::from(reinterpret_cast<sockaddr*>(&full), sizeof full).error() == std::errc::filename_too_long);
}

TEST_CASE("unix endpoint: ordered by kind and name; a path and an abstract name of the same letters differ") {
    auto const path = unix_endpoint::path("a").value(), abstract = unix_endpoint::abstract("a").value();
    CHECK(path != abstract);
    CHECK(unix_endpoint() < abstract);
    CHECK(abstract < path);
    CHECK(path < unix_endpoint::path("b").value());
    CHECK(path == unix_endpoint::path("a").value());
}
