// Addresses of the simulated network. An IPv4 address is kept in its IPv6 form (::ffff:10.0.0.1), as a socket of both
// families sees it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/socket.h>

namespace ramie::detail {

struct host_address {
    std::array<std::uint8_t, 16> bytes{};

    static host_address v4(std::uint32_t host_order) noexcept;
    static host_address v6(std::uint16_t last) noexcept;  // fd00::last
    static host_address any(int family) noexcept;
    static host_address loopback(int family) noexcept;

    bool is_v4() const noexcept;
    bool is_any() const noexcept;
    bool is_loopback() const noexcept;
    bool operator==(host_address const&) const = default;
};

struct socket_address {
    host_address host;
    std::uint16_t port = 0;

    // None: another family.
    static std::optional<socket_address> from(sockaddr const* name, socklen_t size) noexcept;
    // As a socket of that family tells it.
    void to(int family, sockaddr* name, socklen_t* size) const noexcept;
    std::string text() const;
    bool operator==(socket_address const&) const = default;
};

}  // namespace ramie::detail
