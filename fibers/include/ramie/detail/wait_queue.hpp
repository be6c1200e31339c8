// Who waits for a thing, first come first served. Guarded by its owner's lock, which a parking waiter holds until its
// registers are saved; the node lives in the waiter's frame and is unlinked before that frame ends: by the waker that
// pops it, or by the waiter itself when its wait ended otherwise.
#pragma once

#include <ramie/detail/intrusive_list.hpp>
#include <ramie/detail/waiter.hpp>

namespace ramie::detail {

struct wait_node : list_hook {
    explicit wait_node(waiter& w) noexcept : who(&w), generation(w.state.generation()) {}
    waiter* who;
    std::uint64_t generation;
};

// Waiters claimed under a lock, to be resumed after it is released: whoever is resumed may destroy the primitive.
class woken_list {
  public:
    woken_list() = default;
    woken_list(woken_list const&) = delete;
    woken_list& operator=(woken_list const&) = delete;
    ~woken_list() { resume_all(); }
    void add(wait_node& node) noexcept;
    void resume_all() noexcept;

  private:
    wait_node* first_ = nullptr;
    wait_node* last_ = nullptr;
};

class wait_queue {
  public:
    bool empty() const noexcept { return nodes_.empty(); }
    void push_back(wait_node& node) noexcept { nodes_.push_back(node); }
    void remove(wait_node& node) noexcept { nodes_.remove(node); }

    // Claims the first waiter whose wait is still open: it now has what it waited for. The caller resumes it (if not
    // null) after releasing the lock. `served` says whether anybody was claimed at all: one that had not parked yet
    // needs no resuming.
    waiter* claim_front(bool& served) noexcept;
    // Claims everybody.
    void claim_all(woken_list& out) noexcept;

    // Dies with a message naming the primitive and a waiter, if anybody waits.
    void assert_empty(char const* primitive) noexcept;

  private:
    intrusive_list<wait_node> nodes_;
};

}  // namespace ramie::detail
