#include <ramie/detail/wait_queue.hpp>

#include <cstdio>
#include <cstdlib>

namespace ramie::detail {

void woken_list::add(wait_node& node) noexcept {
    node.next = nullptr;
    if (last_) last_->next = &node;
    else first_ = &node;
    last_ = &node;
}

void woken_list::resume_all() noexcept {
    while (first_) {
        auto& node = *first_;
        first_ = static_cast<wait_node*>(node.next);
        node.next = nullptr;
        resume(*node.who);  // the node may be gone from here on
    }
    last_ = nullptr;
}

waiter* wait_queue::claim_front(bool& served) noexcept {
    served = false;
    while (!nodes_.empty()) {
        auto& node = nodes_.front();
        auto* const who = node.who;
        auto const generation = node.generation;
        nodes_.remove(node);  // before the claim: a claimed waiter that had not parked may leave at once
        switch (who->state.claim(generation, task_state::outcome::woken)) {
            case task_state::claim_result::lost: continue;
            case task_state::claim_result::nothing_more: served = true; return nullptr;
            case task_state::claim_result::submit_it: served = true; return who;
        }
    }
    return nullptr;
}

void wait_queue::claim_all(woken_list& out) noexcept {
    while (!nodes_.empty()) {
        auto& node = nodes_.front();
        nodes_.remove(node);
        if (node.who->state.claim(node.generation, task_state::outcome::woken) == task_state::claim_result::submit_it)
            out.add(node);
    }
}

void wait_queue::assert_empty(char const* primitive) noexcept {
    if (nodes_.empty()) return;
    std::fprintf(stderr, "ramie: a %s is destroyed while %s waits on it\n", primitive,
                 name_of(*nodes_.front().who).text);
    std::abort();
}

}  // namespace ramie::detail
