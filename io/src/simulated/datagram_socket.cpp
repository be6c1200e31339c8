#include "simulated/datagram_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ramie::detail {

int datagram_socket::connect(socket_address const& to) {
    if (!net.find(to.host, node)) return -ENETUNREACH;
    if (auto const bound = net.bind_if_unbound(*this); bound < 0) return bound;
    peer_ = to;
    return 0;
}

int datagram_socket::disconnect() {
    peer_.reset();
    return 0;
}

socket_address datagram_socket::source_for(socket_address const& to) const noexcept {
    if (!local.host.is_any()) return local;
    auto const as_family = to.host.is_v4() ? AF_INET : AF_INET6;
    bool const here = to.host.is_loopback() || to.host.is_any();
    return {here ? host_address::loopback(as_family) : net.at(node).of(as_family), local.port};
}

ssize_t datagram_socket::send(std::span<iovec const> from, socket_address const* to) {
    constexpr std::size_t most = 65'507;
    if (error != 0) return take_error();
    if (to == nullptr) {
        if (!peer_) return -EDESTADDRREQ;
        to = &*peer_;
    }
    auto const size = size_of(from);
    if (size > most) return -EMSGSIZE;
    if (family == AF_INET && !to->host.is_v4()) return -EAFNOSUPPORT;
    auto const there = net.find(to->host, node);
    if (!there) return -ENETUNREACH;
    if (auto const bound = net.bind_if_unbound(*this); bound < 0) return bound;
    datagram d{source_for(*to), {}};
    d.bytes.reserve(size);
    for (auto const& each : from) {
        auto const* const data = static_cast<std::byte const*>(each.iov_base);
        d.bytes.insert(d.bytes.end(), data, data + each.iov_len);
    }
    if (net.loses(node, *there)) {
        net.on.note(d.from.text(), " to ", to->text(), ": a datagram is lost");
        return static_cast<ssize_t>(size);
    }
    if (*there != node && net.once_in(net.conditions.duplicated_one_in)) {
        net.on.note(d.from.text(), " to ", to->text(), ": a datagram will come twice");
        send_one(d, *to, *there);
    }
    send_one(std::move(d), *to, *there);
    return static_cast<ssize_t>(size);
}

// Without a receiver a connected sender hears of it, as by ICMP.
void datagram_socket::send_one(datagram d, socket_address const& to, network::node_id there) {
    auto const arrives = net.on.now() + net.delay(node, there);
    net.on.at(arrives, [&n = net, me = number, from_node = node, there, to, sent = std::move(d)]() mutable {
        if (!n.reaches(from_node, there)) {
            n.on.note(sent.from.text(), " to ", to.text(), ": a datagram is lost");
            return;
        }
        if (auto* const s = n.bound_to(there, to, false, sent.from))
            return static_cast<datagram_socket*>(s)->arrive(std::move(sent));
        n.on.at(n.on.now() + n.delay(there, from_node), [&n, me, to] {
            auto* const sender = static_cast<datagram_socket*>(n.socket(me));
            if (sender == nullptr || sender->peer_ != to) return;
            sender->error = ECONNREFUSED;
            sender->report();
        });
    });
}

void datagram_socket::arrive(datagram d) {
    constexpr std::size_t room = 256;
    net.on.note(local.text(), " gets a datagram of ", d.bytes.size(), " bytes from ", d.from.text());
    if (arrived_.size() == room) {
        net.on.note(local.text(), " has no room for it");
        return;
    }
    arrived_.push_back(std::move(d));
    report();
}

ssize_t datagram_socket::receive(std::span<iovec const> into, int flags, socket_address* from, bool& cut) {
    if (error != 0) return take_error();
    if (arrived_.empty()) return -EAGAIN;
    auto const& first = arrived_.front();
    if (from != nullptr) *from = first.from;
    std::size_t done = 0;
    for (auto const& each : into) {
        auto const count = std::min(each.iov_len, first.bytes.size() - done);
        if (count > 0) std::memcpy(each.iov_base, first.bytes.data() + done, count);
        done += count;
    }
    auto const full = first.bytes.size();
    cut = done < full;
    if ((flags & MSG_PEEK) == 0) arrived_.pop_front();
    return static_cast<ssize_t>((flags & MSG_TRUNC) != 0 ? full : done);
}

std::uint32_t datagram_socket::events() const noexcept {
    std::uint32_t now = EPOLLOUT;
    if (!arrived_.empty() || error != 0) now |= EPOLLIN;
    if (error != 0) now |= EPOLLERR;
    return now;
}

}  // namespace ramie::detail
