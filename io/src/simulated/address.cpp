#include "simulated/address.hpp"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace ramie::detail {

host_address host_address::v4(std::uint32_t a) noexcept {
    host_address h;
    h.bytes[10] = h.bytes[11] = 0xff;
    for (std::size_t i = 0; i < 4; ++i) h.bytes[12 + i] = static_cast<std::uint8_t>(a >> (24 - 8 * i));
    return h;
}

host_address host_address::v6(std::uint16_t last) noexcept {
    host_address h;
    h.bytes[0] = 0xfd;
    h.bytes[14] = static_cast<std::uint8_t>(last >> 8);
    h.bytes[15] = static_cast<std::uint8_t>(last);
    return h;
}

host_address host_address::any(int family) noexcept {
    return family == AF_INET ? v4(0) : host_address();
}

host_address host_address::loopback(int family) noexcept {
    if (family == AF_INET) return v4(INADDR_LOOPBACK);
    host_address h;
    h.bytes[15] = 1;
    return h;
}

bool host_address::is_v4() const noexcept {
    return std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; }) && bytes[10] == 0xff &&
           bytes[11] == 0xff;
}

bool host_address::is_any() const noexcept {
    return *this == any(AF_INET) || *this == any(AF_INET6);
}

bool host_address::is_loopback() const noexcept {
    return (is_v4() && bytes[12] == 127) || *this == loopback(AF_INET6);
}

std::optional<socket_address> socket_address::from(sockaddr const* name, socklen_t size) noexcept {
    sockaddr_in v4;
    sockaddr_in6 v6;
    socket_address a;
    if (size >= sizeof v4 && name->sa_family == AF_INET) {
        std::memcpy(&v4, name, sizeof v4);
        a = {host_address::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    } else if (size >= sizeof v6 && name->sa_family == AF_INET6) {
        std::memcpy(&v6, name, sizeof v6);
        std::memcpy(a.host.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
        a.port = ntohs(v6.sin6_port);
    } else {
        return std::nullopt;
    }
    return a;
}

void socket_address::to(int family, sockaddr* name, socklen_t* size) const noexcept {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v4.sin_port = v6.sin6_port = htons(port);
    std::memcpy(&v4.sin_addr, host.bytes.data() + 12, sizeof v4.sin_addr);
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, host.bytes.data(), sizeof v6.sin6_addr);
    bool const as_v4 = family == AF_INET;
    auto const full = static_cast<socklen_t>(as_v4 ? sizeof v4 : sizeof v6);
    std::memcpy(name, as_v4 ? static_cast<void const*>(&v4) : &v6, std::min(*size, full));
    *size = full;
}

std::string socket_address::text() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (host.is_v4()) {
        ::inet_ntop(AF_INET, host.bytes.data() + 12, text, sizeof text);
        return text + (':' + std::to_string(port));
    }
    ::inet_ntop(AF_INET6, host.bytes.data(), text, sizeof text);
    return '[' + std::string(text) + "]:" + std::to_string(port);
}

}  // namespace ramie::detail
