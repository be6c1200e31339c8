// The address of a socket: IPv4 or IPv6, and a port.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <compare>
#include <cstdint>
#include <expected>
#include <iosfwd>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <netinet/in.h>
#include <sys/socket.h>

namespace ramie {

// Why a text is not an endpoint. Each also compares equal to std::errc::invalid_argument.
enum class endpoint_errc {
    bad_address = 1,   // not a numeric IPv4 or IPv6 address
    bad_port,          // not a number from 0 to 65535
    no_port,           // there is no ":PORT"
    missing_brackets,  // an IPv6 address with a port is written [ADDRESS]:PORT
    bad_zone           // the text after the % of an IPv6 address is no network interface
};

RAMIE_API std::error_category const& endpoint_category() noexcept;
inline std::error_code make_error_code(endpoint_errc e) noexcept { return {static_cast<int>(e), endpoint_category()}; }

// A value; nothing here waits.
class endpoint {
  public:
    // 0.0.0.0, port 0.
    endpoint() noexcept : endpoint(any_v4(0)) {}

    // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80". Numbers only: names are for resolve(). An endpoint_errc on
    // failure.
    RAMIE_API static std::expected<endpoint, std::error_code> parse(std::string_view text);
    // An address without a port, and the port apart.
    RAMIE_API static std::expected<endpoint, std::error_code> parse(std::string_view address, std::uint16_t port);
    // From what a system call filled in; errc::address_family_not_supported if that is neither IPv4 nor IPv6.
    RAMIE_API static std::expected<endpoint, std::error_code> from(sockaddr const* name, socklen_t size);

    // Every address of this machine, to listen on; v6 takes IPv4 connections too, unless the system is configured
    // otherwise.
    RAMIE_API static endpoint any_v4(std::uint16_t port) noexcept;
    RAMIE_API static endpoint any_v6(std::uint16_t port) noexcept;
    // This machine only.
    RAMIE_API static endpoint loopback_v4(std::uint16_t port) noexcept;
    RAMIE_API static endpoint loopback_v6(std::uint16_t port) noexcept;

    bool is_v4() const noexcept { return family() == AF_INET; }
    bool is_v6() const noexcept { return family() == AF_INET6; }
    RAMIE_API std::uint16_t port() const noexcept;
    RAMIE_API endpoint with_port(std::uint16_t port) const noexcept;
    // "127.0.0.1", "::1", "fe80::1%eth0".
    RAMIE_API std::string address() const;

    // For system calls.
    int family() const noexcept { return name_.any.sa_family; }
    sockaddr const* data() const noexcept { return &name_.any; }
    socklen_t size() const noexcept { return is_v4() ? sizeof name_.v4 : sizeof name_.v6; }

    // By family, address, zone, port.
    friend std::strong_ordering operator<=>(endpoint const& a, endpoint const& b) noexcept;
    friend bool operator==(endpoint const& a, endpoint const& b) noexcept { return (a <=> b) == 0; }

  private:
    explicit endpoint(sockaddr_in const& v4) noexcept { name_.v4 = v4; }
    explicit endpoint(sockaddr_in6 const& v6) noexcept { name_.v6 = v6; }

    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6{};
    } name_;
};
RAMIE_API std::strong_ordering operator<=>(endpoint const& a, endpoint const& b) noexcept;

// The text that parse() reads.
RAMIE_API std::string to_string(endpoint const& e);
RAMIE_API std::ostream& operator<<(std::ostream& out, endpoint const& e);

}  // namespace ramie

template <>
struct std::is_error_code_enum<ramie::endpoint_errc> : std::true_type {};
