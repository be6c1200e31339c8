// The in-memory network of one simulation: machines, the wires between them, and the sockets on them.
//
// Everything that arrives, arrives by an event of the stage: on the worker's own stack, after a delay that the seed
// chooses. What a socket call does at once is what the kernel does at once: it takes bytes into a buffer, or gives some
// that have arrived.
//
// A socket is known by its number. What is on its way holds numbers, never pointers, because the socket it is meant for
// may be closed meanwhile; no number is used twice.
#pragma once

#include "simulated/socket.hpp"

#include <ramie/simulated_network.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ramie::detail {

class network {
  public:
    using node_id = stage::node_id;

    explicit network(stage& in);

    // The network of the simulation that the caller is in, or null.
    static network* current() noexcept;

    // --- machines ---
    struct machine {
        std::string name;
        host_address v4, v6;
        bool has_power = true;
        bool is_ending = false;  // its tasks are being aborted: it makes no sockets
        std::uint16_t next_port = 32768;
        host_address const& of(int family) const noexcept { return family == AF_INET ? v4 : v6; }
    };
    // Makes it if there is none of that name.
    node_id machine_named(std::string_view name);
    machine& at(node_id n) noexcept { return machines_[n]; }
    std::size_t machines() const noexcept { return machines_.size(); }
    // The one with that address, seen from `from`; none: no machine has it.
    std::optional<node_id> find(host_address const& a, node_id from) const noexcept;
    // The addresses of a name; empty: unknown.
    std::vector<host_address> look_up(std::string_view name, int family) const;

    void cut(node_id a, node_id b);
    void join(node_id a, node_id b);
    // Whether what one sends reaches the other now.
    bool reaches(node_id from, node_id to) const noexcept;
    // How long one packet takes; `lost`: it does not arrive.
    std::chrono::nanoseconds delay(node_id from, node_id to);
    bool loses(node_id from, node_id to) { return from != to && once_in(conditions.lost_one_in); }
    bool once_in(unsigned n) { return n != 0 && on.choices.once_in(n); }

    // All its sockets: closed as the system closes those of a process that has ended, or gone without a word.
    void close_all(node_id n);
    void drop_all(node_id n);

    // --- sockets ---
    // The number, or -errno.
    int open(int family, int type);
    template <class Socket, class... Args>
    Socket& add(Args&&... args) {
        auto made = std::make_unique<Socket>(*this, next_number_, std::forward<Args>(args)...);
        auto& it = *made;
        sockets_.emplace(next_number_++, std::move(made));
        return it;
    }
    simulated_socket* socket(int number) const noexcept;
    void close(int number);
    int bind(simulated_socket& s, socket_address const& to);
    // Gives it a port if it has none.
    int bind_if_unbound(simulated_socket& s);
    // Of that kind, which is to get what `from` sends to `a`; a stream socket that listens. Null: none.
    simulated_socket* bound_to(node_id n, socket_address const& a, bool stream, socket_address const& from);

    stage& on;
    testing::network_conditions conditions;

  private:
    bool is_taken(simulated_socket const& s, socket_address const& a) const noexcept;
    std::vector<int> numbers_on(node_id n) const;

    std::vector<machine> machines_;
    std::set<std::pair<node_id, node_id>> cuts_;
    std::map<int, std::unique_ptr<simulated_socket>> sockets_;
    int next_number_;
};

}  // namespace ramie::detail
