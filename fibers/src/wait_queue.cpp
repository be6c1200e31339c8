#include <ramie/detail/wait_queue.hpp>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace ramie::detail {

void woken_list::add(wait_node& node) noexcept {
    node.next = nullptr;
    if (last_) last_->next = &node;
    else first_ = &node;
    last_ = &node;
}

void woken_list::resume_each() noexcept {
    auto* node = std::exchange(first_, nullptr);
    last_ = nullptr;
    do {
        auto* const after = static_cast<wait_node*>(node->next);
        node->next = nullptr;
        resume(*node->who);  // the node may be gone from here on
        node = after;
    } while (node != nullptr);
}

claimed_waiter wait_queue::take(wait_node& node) noexcept {
    auto* const who = node.who;
    bool const selecting = node.selecting;
    nodes_.remove(node);  // before the claim: a claimed waiter that had not parked may leave at once
    switch (who->state.claim(node.generation, task_state::outcome::woken)) {
        case task_state::claim_result::lost: break;
        case task_state::claim_result::nothing_more:
            if (selecting) node.fired = true;  // it leaves under the lock only
            return {&node, nullptr};
        case task_state::claim_result::submit_it: node.fired = true; return {&node, who};
    }
    return {};
}

bool wait_queue::claim(wait_node& node, woken_list& out) noexcept {
    auto const claimed = take(node);
    if (claimed.parked != nullptr) out.add(node);
    return static_cast<bool>(claimed);
}

claimed_waiter wait_queue::claim_first_open() noexcept {
    while (!nodes_.empty()) {
        if (auto const claimed = take(nodes_.front())) return claimed;
    }
    return {};
}

void wait_queue::claim_all(woken_list& out) noexcept {
    while (!nodes_.empty()) (void)claim(nodes_.front(), out);
}

void wait_queue::assert_empty(char const* primitive) noexcept {
    if (nodes_.empty()) return;
    std::fprintf(stderr, "ramie: a %s is destroyed while %s waits on it\n", primitive,
                 name_of(*nodes_.front().who).text);
    std::abort();
}

}  // namespace ramie::detail
