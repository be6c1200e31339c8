// The network of a simulation (simulate.hpp): machines that are cut off, killed and started again, and wires that are
// slow, lose packets or break. The program uses its usual names (tcp_listener, tcp_stream, udp_socket, resolve) and
// never sees these; a test does.
//
//     auto a = ramie::testing::simulated_node::named("a");
//     auto server = a.spawn([] { serve(*ramie::tcp_listener::bind("0.0.0.0", 80)); });
//     auto stream = ramie::tcp_stream::connect("a", 80);
//
// Every machine has a name that resolves, an IPv4 address (10.0.0.1 is the test's own, "test"; 10.0.0.2 the first
// other) and an IPv6 address (fd00::1 ...); 127.0.0.1, ::1 and localhost are the machine itself. A task runs on the
// machine of the task that spawned it. Files and clocks are not a machine's own.
//
// All here throws std::logic_error outside a simulation.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/endpoint.hpp>
#include <ramie/simulate.hpp>
#include <ramie/spawn.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ramie::testing {

// How the wires between machines are. "One in n" is an average, the seed's choice; 0 is never.
struct network_conditions {
    // How long a packet takes, anything between the two. (Within a machine it is 10 microseconds, and none is lost.)
    std::chrono::nanoseconds least_delay = std::chrono::microseconds(50);
    std::chrono::nanoseconds most_delay = std::chrono::milliseconds(1);
    // A lost datagram does not arrive; TCP sends again, after 200 ms at first, so there it is a delay.
    unsigned lost_one_in = 0;
    unsigned duplicated_one_in = 0;  // datagrams
    // Sends after which the connection is torn: both sides get std::errc::connection_reset.
    unsigned reset_one_in = 0;
    // Attempts to connect that are refused although a listener is there.
    unsigned refused_one_in = 0;
    // Attempts to accept that find no descriptor left (which accept() sits out).
    unsigned accept_fails_one_in = 0;
    // Look-ups of names without an answer (EAI_AGAIN).
    unsigned look_up_fails_one_in = 0;
};

// From now on, for what is sent then.
RAMIE_API void set_network(network_conditions const& conditions);
[[nodiscard]] RAMIE_API network_conditions get_network();

// A simulated machine. Copyable: all with one name are the same one.
class simulated_node {
  public:
    // Makes it if there is none of that name.
    [[nodiscard]] RAMIE_API static simulated_node named(std::string_view name);
    // The one that the caller runs on.
    [[nodiscard]] RAMIE_API static simulated_node current();

    [[nodiscard]] RAMIE_API std::string name() const;
    [[nodiscard]] RAMIE_API endpoint address_v4(std::uint16_t port = 0) const;
    [[nodiscard]] RAMIE_API endpoint address_v6(std::uint16_t port = 0) const;

    // As ramie::spawn, for a task that runs on this machine, as will all that it spawns. Throws std::logic_error if the
    // machine has no power.
    RAMIE_SPAWN_FORMS(spawn, spawn_by, const)

    // Ends all its tasks, as if its process were killed: its sockets are closed as the system does it (peers get the
    // end of the stream, or a reset), its tasks are aborted and can reach nobody any more; returns when they have
    // ended. Then it may be spawned into again. Suspension point. std::logic_error: the caller runs on it.
    RAMIE_API void kill() const;
    // The same without a word to its peers, which learn of it only by an answer that does not come, or that says that
    // the machine knows nothing of them, once it has power again. Suspension point.
    RAMIE_API void power_off() const;
    RAMIE_API void power_on() const;
    [[nodiscard]] RAMIE_API bool has_power() const;

    // Nothing passes between the two, in either direction, until join(): connections stall (and fail after a quarter of
    // an hour), connects get no answer, datagrams are lost.
    RAMIE_API void cut(simulated_node const& other) const;
    RAMIE_API void join(simulated_node const& other) const;
    // From all others that there are now.
    RAMIE_API void cut_off() const;
    RAMIE_API void join_all() const;

    bool operator==(simulated_node const&) const = default;

  private:
    class begins_here {
      public:
        RAMIE_API explicit begins_here(simulated_node const& on);
        begins_here(begins_here const&) = delete;
        begins_here& operator=(begins_here const&) = delete;
        RAMIE_API ~begins_here();
    };
    explicit simulated_node(std::uint16_t number) noexcept : number_(number) {}
    template <class F, class... Args>
    auto spawn_by(detail::spawn_terms terms, F&& f, Args&&... args) const {
        begins_here const until_spawned(*this);
        return detail::spawn_here(terms, std::forward<F>(f), std::forward<Args>(args)...);
    }
    void end_tasks() const;

    std::uint16_t number_;
};

}  // namespace ramie::testing
