#include "simulated/network.hpp"

#include <ramie/simulated_network.hpp>
#include <ramie/this_fiber.hpp>

#include <stdexcept>

namespace ramie::testing {

namespace {

detail::network& here(char const* verb) {
    if (auto* const net = detail::network::current()) return *net;
    throw std::logic_error(std::string("ramie: ") + verb + " outside a simulation");
}

endpoint endpoint_of(detail::host_address const& host, std::uint16_t port) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    auto* const generic = reinterpret_cast<sockaddr*>(&name);
    detail::socket_address{host, port}.to(host.is_v4() ? AF_INET : AF_INET6, generic, &size);
    return *endpoint::from(generic, size);
}

}  // namespace

void set_network(network_conditions const& conditions) {
    here("set_network").conditions = conditions;
}
network_conditions get_network() {
    return here("get_network").conditions;
}

simulated_node simulated_node::named(std::string_view name) {
    return simulated_node(here("simulated_node::named").machine_named(name));
}

simulated_node simulated_node::current() {
    return simulated_node(here("simulated_node::current").on.current_node());
}

std::string simulated_node::name() const {
    return here("simulated_node::name").at(number_).name;
}

endpoint simulated_node::address_v4(std::uint16_t port) const {
    return endpoint_of(here("simulated_node::address_v4").at(number_).v4, port);
}

endpoint simulated_node::address_v6(std::uint16_t port) const {
    return endpoint_of(here("simulated_node::address_v6").at(number_).v6, port);
}

simulated_node::begins_here::begins_here(simulated_node const& on) {
    auto& net = here("simulated_node::spawn");
    if (!on.has_power()) throw std::logic_error("ramie: simulated_node::spawn: " + on.name() + " has no power");
    net.on.spawn_for(on.number_);
}

simulated_node::begins_here::~begins_here() {
    here("simulated_node::spawn").on.spawn_for(std::nullopt);
}

void simulated_node::end_tasks() const {
    auto& net = here("simulated_node::kill");
    if (net.on.current_node() == number_)
        throw std::logic_error(
            "ramie: a simulated machine is killed by a task of its own, which would wait for itself");
    auto& machine = net.at(number_);
    machine.is_ending = true;
    struct over {
        detail::network& net;
        std::uint16_t number;
        ~over() { net.at(number).is_ending = false; }
    } const finally{net, number_};
    // Again, because a task that is left may spawn another.
    while (net.on.abort_tasks_of(number_) > 0) this_fiber::sleep_for(std::chrono::microseconds(10));
}

void simulated_node::kill() const {
    auto& net = here("simulated_node::kill");
    net.on.note(name(), " is killed");
    net.close_all(number_);
    end_tasks();
}

void simulated_node::power_off() const {
    auto& net = here("simulated_node::power_off");
    net.on.note(name(), " loses its power");
    net.at(number_).has_power = false;
    net.drop_all(number_);
    end_tasks();
}

void simulated_node::power_on() const {
    auto& net = here("simulated_node::power_on");
    net.on.note(name(), " has power");
    net.at(number_).has_power = true;
}

bool simulated_node::has_power() const {
    return here("simulated_node::has_power").at(number_).has_power;
}

void simulated_node::cut(simulated_node const& other) const {
    here("simulated_node::cut").cut(number_, other.number_);
}
void simulated_node::join(simulated_node const& other) const {
    here("simulated_node::join").join(number_, other.number_);
}

void simulated_node::cut_off() const {
    auto& net = here("simulated_node::cut_off");
    for (std::uint16_t other = 0; other < net.machines(); ++other) {
        if (other != number_) net.cut(number_, other);
    }
}

void simulated_node::join_all() const {
    auto& net = here("simulated_node::join_all");
    for (std::uint16_t other = 0; other < net.machines(); ++other) {
        if (other != number_) net.join(number_, other);
    }
}

}  // namespace ramie::testing
