#include "simulated/look_up.hpp"

#include "simulated/network.hpp"

#include <ramie/resolve.hpp>
#include <ramie/this_fiber.hpp>

#include <netdb.h>

namespace ramie::detail {

std::optional<found_addresses> look_up_simulated(std::string const& host, std::uint16_t port, int family) {
    auto* const net = network::current();
    if (net == nullptr) return std::nullopt;
    auto const fail = [](int code) { return std::unexpected(std::error_code(code, resolve_category())); };
    this_fiber::sleep_for(std::chrono::microseconds(100 * (1 + net->on.choices.choose(100))));
    if (net->once_in(net->conditions.look_up_fails_one_in)) {
        net->on.note("no answer to what ", host, " is");
        return fail(EAI_AGAIN);
    }
    std::vector<endpoint> result;
    for (auto const& each : net->look_up(host, family)) {
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        socket_address{each, port}.to(each.is_v4() ? AF_INET : AF_INET6, reinterpret_cast<sockaddr*>(&name), &size);
        if (auto const e = endpoint::from(reinterpret_cast<sockaddr*>(&name), size)) result.push_back(*e);
    }
    if (result.empty()) return fail(EAI_NONAME);
    return result;
}

}  // namespace ramie::detail
