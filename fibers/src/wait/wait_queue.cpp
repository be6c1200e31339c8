#include <ramie/detail/wait/wait_queue.hpp>

#include <ramie/detail/ground/prefetch_along.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/task/task.hpp>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace ramie::detail {

void woken_list::add(wait_node& node) noexcept {
    if (!node.waiting->is_fiber()) {
        node.next = threads_;
        threads_ = &node;
        return;
    }
    auto& t = static_cast<task&>(*node.waiting);
    t.next = nullptr;
    if (last_fiber_ != nullptr) last_fiber_->next = &t;
    else fibers_ = &t;
    last_fiber_ = &t;
}

void woken_list::add_first(wait_node& node) noexcept {
    if (fibers_ == nullptr || !node.waiting->is_fiber()) return add(node);
    auto& t = static_cast<task&>(*node.waiting);
    t.next = fibers_;
    fibers_ = &t;
}

void woken_list::append(woken_list& later) noexcept {
    if (later.fibers_ != nullptr) {
        if (last_fiber_ != nullptr) last_fiber_->next = later.fibers_;
        else fibers_ = later.fibers_;
        last_fiber_ = later.last_fiber_;
        later.fibers_ = nullptr;
    }
    while (later.threads_ != nullptr) {
        auto& node = *later.threads_;
        later.threads_ = static_cast<wait_node*>(node.next);
        add(node);
    }
}

void woken_list::resume_each() noexcept {
    last_fiber_ = nullptr;
    while (fibers_ != nullptr) {
        auto& t = *std::exchange(fibers_, fibers_->next);
        t.next = nullptr;
        carrier::resume(t);  // the task may be gone from here on
    }
    while (threads_ != nullptr) {
        auto& node = *threads_;
        threads_ = static_cast<wait_node*>(node.next);
        node.next = nullptr;
        resume(*node.waiting);  // the node goes with it
    }
}

claimed_waiter wait_queue::take(wait_node& node) noexcept {
    auto* const waiting = node.waiting;
    bool const selecting = node.selecting;
    nodes_.remove(node);  // before the claim: a claimed waiter that had not parked may leave at once
    switch (waiting->state.claim(node.generation, task_state::outcome::woken)) {
        case task_state::claim_result::lost: break;
        case task_state::claim_result::nothing_more:
            if (selecting) node.fired = true;  // it leaves only under the lock
            return {&node, nullptr};
        case task_state::claim_result::submit_it: node.fired = true; return {&node, waiting};
    }
    return {};
}

bool wait_queue::claim(wait_node& node, woken_list& out) noexcept {
    auto const claimed = take(node);
    if (claimed.parked != nullptr) out.add(node);
    return static_cast<bool>(claimed);
}

// Where thousands wait, their nodes and blocks have left the caches. Those of one that comes later are guessed. (Fetching the next
// one's registers as well made it slower.)
static void prefetch_waiters(wait_node const& first, wait_node const& second) noexcept {
    constexpr int ahead = 3;
    prefetch_along(&first, &second, ahead);
    prefetch_along(first.waiting, second.waiting, ahead);
}

claimed_waiter wait_queue::claim_first_open() noexcept {
    while (!nodes_.empty()) {
        auto& first = nodes_.front();
        if (&first != &nodes_.back()) prefetch_waiters(first, static_cast<wait_node&>(*first.next));
        if (auto const claimed = take(first)) return claimed;
    }
    return {};
}

waiter* wait_queue::claim_back(bool& served) noexcept {
    claimed_waiter last;
    while (!nodes_.empty() && !last) last = take(nodes_.back());
    served = static_cast<bool>(last);
    return last.parked;
}

// The nodes lie on stacks, perhaps a million of them. Going from both ends at once, two waits for memory overlap.
void wait_queue::claim_all(woken_list& out) noexcept {
    constexpr int ahead = 3;
    woken_list latter;
    while (!nodes_.empty()) {
        auto& front = nodes_.front();
        auto& back = nodes_.back();
        prefetch_along(&front, front.next, ahead);
        prefetch_along(&back, back.prev, ahead);
        __builtin_prefetch(front.next, 1);
        __builtin_prefetch(back.prev, 1);
        (void)claim(front, out);
        if (&front != &back && take(back).parked != nullptr) latter.add_first(back);
    }
    out.append(latter);
}

void wait_queue::assert_empty(char const* primitive) noexcept {
    if (nodes_.empty()) return;
    std::fprintf(stderr, "ramie: a %s is destroyed while %s waits on it\n", primitive,
                 name_of(*nodes_.front().waiting).text);
    std::abort();
}

}  // namespace ramie::detail
