// The waiters of one object, first come first served. Guarded by its owner's lock, which a parking waiter holds until
// its registers are saved; the node lives in the waiter's frame and is unlinked before that frame ends: by the waker
// that pops it, or by the waiter itself when its wait ended otherwise.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/intrusive_list.hpp>
#include <ramie/detail/wait/waiter.hpp>

#include <cstdint>

namespace ramie::detail {

class task;

struct wait_node : list_hook {
    explicit wait_node(waiter& w) noexcept : waiting(&w), generation(w.state.generation()) {}
    // Of a wait in several queues at once, whose generation was read before.
    wait_node(waiter& w, std::uint64_t g) noexcept : waiting(&w), generation(g), selecting(true) {}
    waiter* waiting;
    std::uint64_t generation;
    void* slot = nullptr;    // where a waker puts, or finds, what is handed over; its queue's owner says what it is
    // A select waits in several queues at once and leaves each under its lock, so a waker that claimed it through this
    // node may say so here until it releases the lock.
    bool selecting = false;
    bool fired = false;
};

// Waiters claimed under a lock, to be resumed after the lock is released, because a resumed waiter may destroy the
// primitive. Fibers are linked through their tasks, for a node lies on a stack: a million stacks are looked at once
// less.
class woken_list {
  public:
    woken_list() = default;
    woken_list(woken_list const&) = delete;
    woken_list& operator=(woken_list const&) = delete;
    ~woken_list() { resume_all(); }
    RAMIE_API void add(wait_node& node) noexcept;
    void add_first(wait_node& node) noexcept;
    // All of `later`'s come after what is here.
    void append(woken_list& later) noexcept;
    void resume_all() noexcept {
        if (fibers_ != nullptr || threads_ != nullptr) [[unlikely]] resume_each();
    }

  private:
    RAMIE_API void resume_each() noexcept;

    task* fibers_ = nullptr;  // the first and the last, linked through task::next, which is the claimer's
    task* last_fiber_ = nullptr;
    wait_node* threads_ = nullptr;  // in any order
};

// A waiter that was claimed through its node.
struct claimed_waiter {
    wait_node* node = nullptr;   // null: none was claimed. Its slot may be used until the lock is released
    waiter* parked = nullptr;    // to be resumed after the lock is released; null: it had not parked and will notice itself
    explicit operator bool() const noexcept { return node != nullptr; }
};

class wait_queue {
  public:
    bool empty() const noexcept { return nodes_.empty(); }
    void push_back(wait_node& node) noexcept { nodes_.push_back(node); }
    // For a waiter that was taken off in vain.
    void push_front(wait_node& node) noexcept { nodes_.push_front(node); }
    void remove(wait_node& node) noexcept { nodes_.remove(node); }

    // The node that waits longest, or null. Its wait may have ended otherwise: only a claim tells.
    wait_node* first() noexcept { return nodes_.empty() ? nullptr : &nodes_.front(); }
    // Takes this node off and claims its waiter; one that must be resumed goes to `out`. False: its wait was over.
    RAMIE_API bool claim(wait_node& node, woken_list& out) noexcept;
    // Claims the first waiter whose wait is still open: it now has what it waited for.
    claimed_waiter claim_first() noexcept { return nodes_.empty() ? claimed_waiter{} : claim_first_open(); }
    // The same for a waker that hands nothing over: returns the waiter to be resumed after the lock is released.
    // `served` says whether a waiter was claimed at all: a waiter that had not parked yet needs no resuming.
    waiter* claim_front(bool& served) noexcept {
        auto const first = claim_first();
        served = static_cast<bool>(first);
        return first.parked;
    }
    // As claim_front(), of those that came last.
    waiter* claim_back(bool& served) noexcept;
    // Claims all waiters.
    RAMIE_API void claim_all(woken_list& out) noexcept;

    // Dies with a message naming the primitive and a waiter, if there is a waiter.
    RAMIE_API void assert_empty(char const* primitive) noexcept;

  private:
    RAMIE_API claimed_waiter claim_first_open() noexcept;
    claimed_waiter take(wait_node& node) noexcept;

    intrusive_list<wait_node> nodes_;
};

}  // namespace ramie::detail
