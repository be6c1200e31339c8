#include "simulated/network.hpp"

#include "call/simulated_call.hpp"
#include "simulated/datagram_socket.hpp"
#include "simulated/stream_end.hpp"

#include <algorithm>
#include <cerrno>

namespace ramie::detail {

using namespace std::chrono_literals;

network::network(stage& in) : on(in), next_number_(simulated_call::first_number) {
    (void)machine_named("test");
}

// --- machines ---

network::node_id network::machine_named(std::string_view name) {
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        if (machines_[i].name == name) return static_cast<node_id>(i);
    }
    auto const number = static_cast<std::uint32_t>(machines_.size());
    machines_.push_back({std::string(name), host_address::v4(0x0a00'0001 + number),
                         host_address::v6(static_cast<std::uint16_t>(1 + number))});
    return static_cast<node_id>(number);
}

std::optional<network::node_id> network::find(host_address const& a, node_id from) const noexcept {
    if (a.is_loopback() || a.is_any()) return from;
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        if (machines_[i].v4 == a || machines_[i].v6 == a) return static_cast<node_id>(i);
    }
    return std::nullopt;
}

std::vector<host_address> network::look_up(std::string_view name, int family) const {
    std::vector<host_address> found;
    auto const add = [&](host_address const& v4, host_address const& v6) {
        if (family != AF_INET6) found.push_back(v4);
        if (family != AF_INET) found.push_back(v6);
    };
    if (name == "localhost") add(host_address::loopback(AF_INET), host_address::loopback(AF_INET6));
    for (auto const& m : machines_) {
        if (m.name == name) add(m.v4, m.v6);
    }
    return found;
}

void network::cut(node_id a, node_id b) {
    on.note("the wire between ", at(a).name, " and ", at(b).name, " is cut");
    cuts_.insert(std::minmax(a, b));
}

void network::join(node_id a, node_id b) {
    on.note("the wire between ", at(a).name, " and ", at(b).name, " is whole");
    cuts_.erase(std::minmax(a, b));
}

bool network::reaches(node_id from, node_id to) const noexcept {
    return machines_[from].has_power && machines_[to].has_power && !cuts_.contains(std::minmax(from, to));
}

std::chrono::nanoseconds network::delay(node_id from, node_id to) {
    if (from == to) return 10us;
    auto const least = conditions.least_delay, most = std::max(conditions.most_delay, least);
    constexpr std::uint32_t steps = 64;  // so that what is sent at one time may arrive at one time
    return least + (most - least) / (steps - 1) * on.choices.choose(steps);
}

std::vector<int> network::numbers_on(node_id n) const {
    std::vector<int> all;
    for (auto const& [number, s] : sockets_) {
        if (s->node == n) all.push_back(number);
    }
    return all;
}

void network::close_all(node_id n) {
    for (auto const number : numbers_on(n)) close(number);
}

void network::drop_all(node_id n) {
    for (auto const number : numbers_on(n)) sockets_.erase(number);
}

// --- sockets ---

int network::open(int family, int type) {
    auto const node = on.current_node();
    if (at(node).is_ending || !at(node).has_power) return -ENETDOWN;
    if (family != AF_INET && family != AF_INET6) return -EAFNOSUPPORT;
    if (type == SOCK_STREAM) return add<stream_end>(node, family).number;
    return add<datagram_socket>(node, family).number;
}

simulated_socket* network::socket(int number) const noexcept {
    auto const found = sockets_.find(number);
    return found != sockets_.end() ? found->second.get() : nullptr;
}

void network::close(int number) {
    auto const found = sockets_.find(number);
    if (found == sockets_.end()) return;
    auto const gone = std::move(found->second);  // first out of the table: what it sends may look there
    sockets_.erase(found);
    gone->close();
}

// Two sockets of one kind share a port only if their addresses have nothing in common, or both say so.
bool network::is_taken(simulated_socket const& s, socket_address const& a) const noexcept {
    return std::ranges::any_of(sockets_, [&](auto const& entry) {
        auto const& other = *entry.second;
        if (&other == &s || other.node != s.node || other.is_stream() != s.is_stream()) return false;
        if (other.local.port != a.port || (other.reuse_port && s.reuse_port)) return false;
        // An accepted connection's port is its listener's.
        if (other.is_stream() && other.peer() && !other.is_listening()) return false;
        bool const both_v4 = a.host.is_v4() && other.local.host.is_v4(),
                   both_v6 = !a.host.is_v4() && !other.local.host.is_v4();
        if (!both_v4 && !both_v6) {
            auto const& v6 = a.host.is_v4() ? other : s;
            auto const& v6_host = a.host.is_v4() ? other.local.host : a.host;
            return v6_host.is_any() && !v6.v6_only;
        }
        return a.host.is_any() || other.local.host.is_any() || a.host == other.local.host;
    });
}

int network::bind(simulated_socket& s, socket_address const& to) {
    if (s.local.port != 0) return -EINVAL;
    if (to.host.is_v4() != (s.family == AF_INET) && !(s.family == AF_INET6 && to.host.is_v4() && !s.v6_only))
        return -EAFNOSUPPORT;
    if (!to.host.is_any() && find(to.host, s.node) != s.node) return -EADDRNOTAVAIL;
    auto wanted = to;
    auto& here = at(s.node);
    if (wanted.port == 0) {
        for (auto tries = 28'000; tries > 0; --tries) {
            wanted.port = here.next_port;
            here.next_port = here.next_port >= 60'999 ? 32'768 : static_cast<std::uint16_t>(here.next_port + 1);
            if (!is_taken(s, wanted)) break;
        }
    }
    if (is_taken(s, wanted)) return -EADDRINUSE;
    s.local = wanted;
    return 0;
}

int network::bind_if_unbound(simulated_socket& s) {
    return s.local.port != 0 ? 0 : bind(s, {host_address::any(s.family), 0});
}

// A connected datagram socket hears only its peer.
simulated_socket* network::bound_to(node_id n, socket_address const& a, bool stream, socket_address const& from) {
    std::vector<simulated_socket*> best;
    int best_rank = 0;
    for (auto const& [number, s] : sockets_) {
        if (s->node != n || s->is_stream() != stream || s->local.port != a.port || !s->is_at(a.host)) continue;
        auto const peer = s->peer();
        if (stream ? !s->is_listening() : peer && *peer != from) continue;
        auto const rank = (peer ? 4 : 2) + (s->local.host.is_any() ? 0 : 1);
        if (rank > best_rank) best.clear();
        best_rank = std::max(rank, best_rank);
        if (rank == best_rank) best.push_back(s.get());
    }
    if (best.empty()) return nullptr;
    return best[on.choices.choose(static_cast<std::uint32_t>(best.size()))];  // several share the port
}

}  // namespace ramie::detail
