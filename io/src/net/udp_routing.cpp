// How far a UDP socket's datagrams go, and which groups it hears: options that IPv4 and IPv6 name differently.
#include <ramie/udp.hpp>

#include "call/socket_call.hpp"
#include "call/transfer.hpp"

#include <cstring>

#include <netinet/in.h>

namespace ramie {

using namespace detail;

namespace {

using done = std::expected<void, std::error_code>;

struct option_name {
    int level, name;
};

// Sets the option of the socket's own family.
template <class Value>
done set(owned_descriptor const& d, option_name v4, option_name v6, Value const& value) {
    return with_fd(d, [&](int fd) -> done {
        int family = 0;
        if (auto const answer = socket_call::get_option(fd, SOL_SOCKET, SO_DOMAIN, family); answer < 0)
            return checked(answer);
        auto const& [level, name] = family == AF_INET6 ? v6 : v4;
        return checked(socket_call::set_option(fd, level, name, value));
    });
}

done membership(owned_descriptor const& d, endpoint const& group, unsigned interface, int name) {
    group_req wanted{};
    wanted.gr_interface = interface;
    std::memcpy(&wanted.gr_group, group.data(), group.size());
    auto const level = group.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
    return with_fd(d, [&](int fd) { return checked(socket_call::set_option(fd, level, name, wanted)); });
}

done invalid() { return std::unexpected(std::make_error_code(std::errc::invalid_argument)); }

}  // namespace

done udp_socket::set_broadcast(bool on) {
    return with_fd(descriptor_,
                   [&](int fd) { return checked(socket_call::set_option(fd, SOL_SOCKET, SO_BROADCAST, on)); });
}

done udp_socket::set_ttl(int hops) {
    if (hops < 1 || hops > 255) return invalid();
    return set(descriptor_, {IPPROTO_IP, IP_TTL}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS}, hops);
}

done udp_socket::set_multicast_ttl(int hops) {
    if (hops < 0 || hops > 255) return invalid();
    return set(descriptor_, {IPPROTO_IP, IP_MULTICAST_TTL}, {IPPROTO_IPV6, IPV6_MULTICAST_HOPS}, hops);
}

done udp_socket::set_multicast_loop(bool on) {
    return set(descriptor_, {IPPROTO_IP, IP_MULTICAST_LOOP}, {IPPROTO_IPV6, IPV6_MULTICAST_LOOP}, int{on});
}

done udp_socket::set_multicast_interface(unsigned index) {
    return with_fd(descriptor_, [&](int fd) -> done {
        int family = 0;
        if (auto const answer = socket_call::get_option(fd, SOL_SOCKET, SO_DOMAIN, family); answer < 0)
            return checked(answer);
        auto const number = static_cast<int>(index);
        if (family == AF_INET6) return checked(socket_call::set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, number));
        ip_mreqn by{};
        by.imr_ifindex = number;
        return checked(socket_call::set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, by));
    });
}

done udp_socket::join_group(endpoint const& group, unsigned interface) {
    return membership(descriptor_, group, interface, MCAST_JOIN_GROUP);
}

done udp_socket::leave_group(endpoint const& group, unsigned interface) {
    return membership(descriptor_, group, interface, MCAST_LEAVE_GROUP);
}

}  // namespace ramie
