#include <ramie/cancellation_token.hpp>

#include <ramie/detail/wait/park.hpp>

namespace ramie::detail {

bool wait_for_stop(std::stop_token const& stop, time_point limit) {
    auto& self = waiter::enter();
    wait_node node(self);
    stop_claim claim(node, &stop);
    auto const end = park(node, {"cancellation_token"}, nullptr, limit);
    if (claim.end()) return true;
    end.raise();
    return false;
}

}  // namespace ramie::detail
