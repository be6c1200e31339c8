#include <ramie/cancellation_token.hpp>

#include <ramie/detail/park.hpp>

namespace ramie::detail {

token_node::token_node(std::shared_ptr<token_node> from) : parent(std::move(from)) {
    if (parent) from_parent.emplace(parent->source.get_token(), pass_on{source});
}

token_node::token_node(std::stop_token from) { from_parent.emplace(std::move(from), pass_on{source}); }

token_node::~token_node() {
    from_parent.reset();
    // Ancestors that only we kept go one after another, not one inside the other: a line of them may be long.
    auto above = std::move(parent);
    while (above && above.use_count() == 1) {
        above->from_parent.reset();
        above = std::exchange(above->parent, nullptr);
    }
}

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
