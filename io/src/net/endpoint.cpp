#include <ramie/endpoint.hpp>

#include <charconv>
#include <cstring>
#include <optional>
#include <ostream>

#include <arpa/inet.h>
#include <net/if.h>

namespace ramie {

namespace {

using result = std::expected<endpoint, std::error_code>;

std::unexpected<std::error_code> fail(endpoint_errc why) { return std::unexpected(make_error_code(why)); }

template <class Number>
std::optional<Number> number_in(std::string_view text) {
    Number value{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

// inet_pton wants a terminated string; a text that is too long for one is no address.
template <class Address>
bool read_address(int family, std::string_view text, Address& into) {
    char terminated[INET6_ADDRSTRLEN] = {};
    if (text.size() >= sizeof terminated || text.find('\0') != text.npos) return false;
    text.copy(terminated, text.size());
    return ::inet_pton(family, terminated, &into) == 1;
}

// The index of "eth0" or "2"; 0 if there is no such interface.
std::uint32_t zone_index(std::string_view zone) {
    if (auto const number = number_in<std::uint32_t>(zone)) return *number;
    return ::if_nametoindex(std::string(zone).c_str());
}

sockaddr_in v4_at(in_addr_t address, std::uint16_t port) noexcept {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(address);
    name.sin_port = htons(port);
    return name;
}

sockaddr_in6 v6_at(in6_addr const& address, std::uint16_t port) noexcept {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_addr = address;
    name.sin6_port = htons(port);
    return name;
}

}  // namespace

std::error_category const& endpoint_category() noexcept {
    static class final : public std::error_category {
        char const* name() const noexcept override { return "ramie.endpoint"; }
        std::string message(int value) const override {
            switch (static_cast<endpoint_errc>(value)) {
                case endpoint_errc::bad_address: return "not a numeric IPv4 or IPv6 address";
                case endpoint_errc::bad_port: return "the port is not a number from 0 to 65535";
                case endpoint_errc::no_port: return "no port: ADDRESS:PORT or [ADDRESS]:PORT is wanted";
                case endpoint_errc::missing_brackets: return "an IPv6 address with a port is written [ADDRESS]:PORT";
                case endpoint_errc::bad_zone: return "no such network interface after the % of the IPv6 address";
            }
            return "unknown endpoint error";
        }
        std::error_condition default_error_condition(int) const noexcept override {
            return std::make_error_condition(std::errc::invalid_argument);
        }
    } const category;
    return category;
}

result endpoint::parse(std::string_view text) {
    auto const colon = text.rfind(':');
    bool const bracketed = text.starts_with('[');
    auto const closing = text.find(']');
    if (bracketed && closing == text.npos) return fail(endpoint_errc::bad_address);
    if (colon == text.npos || (bracketed && closing + 1 == text.size())) return fail(endpoint_errc::no_port);
    if (bracketed && closing + 1 != colon) return fail(endpoint_errc::bad_address);

    auto address = text.substr(0, colon);
    if (bracketed) {
        address = address.substr(1, closing - 1);
        if (address.find(':') == address.npos) return fail(endpoint_errc::bad_address);  // [127.0.0.1] is not allowed
    } else if (address.find(':') != address.npos) {
        return fail(endpoint_errc::missing_brackets);
    }
    auto const port = number_in<std::uint16_t>(text.substr(colon + 1));
    if (!port) return fail(endpoint_errc::bad_port);
    return parse(address, *port);
}

result endpoint::parse(std::string_view address, std::uint16_t port) {
    sockaddr_in v4 = v4_at(0, port);
    if (read_address(AF_INET, address, v4.sin_addr)) return endpoint(v4);

    auto const percent = address.find('%');
    sockaddr_in6 v6 = v6_at({}, port);
    if (!read_address(AF_INET6, address.substr(0, percent), v6.sin6_addr)) return fail(endpoint_errc::bad_address);
    if (percent != address.npos) {
        v6.sin6_scope_id = zone_index(address.substr(percent + 1));
        if (v6.sin6_scope_id == 0) return fail(endpoint_errc::bad_zone);
    }
    return endpoint(v6);
}

result endpoint::from(sockaddr const* name, socklen_t size) {
    sockaddr_in v4;
    sockaddr_in6 v6;
    if (size >= sizeof v4 && name->sa_family == AF_INET) {
        std::memcpy(&v4, name, sizeof v4);
        return endpoint(v4);
    }
    if (size >= sizeof v6 && name->sa_family == AF_INET6) {
        std::memcpy(&v6, name, sizeof v6);
        return endpoint(v6);
    }
    return std::unexpected(std::make_error_code(std::errc::address_family_not_supported));
}

endpoint endpoint::any_v4(std::uint16_t port) noexcept { return endpoint(v4_at(INADDR_ANY, port)); }
endpoint endpoint::any_v6(std::uint16_t port) noexcept { return endpoint(v6_at(in6addr_any, port)); }
endpoint endpoint::loopback_v4(std::uint16_t port) noexcept { return endpoint(v4_at(INADDR_LOOPBACK, port)); }
endpoint endpoint::loopback_v6(std::uint16_t port) noexcept { return endpoint(v6_at(in6addr_loopback, port)); }

std::uint16_t endpoint::port() const noexcept { return ntohs(is_v4() ? name_.v4.sin_port : name_.v6.sin6_port); }

endpoint endpoint::with_port(std::uint16_t port) const noexcept {
    auto other = *this;
    (is_v4() ? other.name_.v4.sin_port : other.name_.v6.sin6_port) = htons(port);
    return other;
}

std::string endpoint::address() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (is_v4()) {
        ::inet_ntop(AF_INET, &name_.v4.sin_addr, text, sizeof text);
        return text;
    }
    ::inet_ntop(AF_INET6, &name_.v6.sin6_addr, text, sizeof text);
    auto const zone = name_.v6.sin6_scope_id;
    if (zone == 0) return text;
    char interface[IF_NAMESIZE] = {};
    return std::string(text) + '%' + (::if_indextoname(zone, interface) != nullptr ? interface : std::to_string(zone));
}

std::strong_ordering operator<=>(endpoint const& a, endpoint const& b) noexcept {
    if (auto const by_family = a.family() <=> b.family(); by_family != 0) return by_family;
    auto const by_bytes = [](auto const& x, auto const& y) { return std::memcmp(&x, &y, sizeof x) <=> 0; };
    if (a.is_v4()) {
        if (auto const order = by_bytes(a.name_.v4.sin_addr, b.name_.v4.sin_addr); order != 0) return order;
    } else {
        if (auto const order = by_bytes(a.name_.v6.sin6_addr, b.name_.v6.sin6_addr); order != 0) return order;
        if (auto const order = a.name_.v6.sin6_scope_id <=> b.name_.v6.sin6_scope_id; order != 0) return order;
    }
    return a.port() <=> b.port();
}

std::string to_string(endpoint const& e) {
    auto const port = std::to_string(e.port());
    return e.is_v4() ? e.address() + ':' + port : '[' + e.address() + "]:" + port;
}

std::ostream& operator<<(std::ostream& out, endpoint const& e) { return out << to_string(e); }

}  // namespace ramie
