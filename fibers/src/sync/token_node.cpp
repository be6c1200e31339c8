// Cancelling goes down the tree without recursion. A token's stop is requested, and the callback by which a child hears
// of it does not cancel the child there and then: it puts it on the list of the walk that is going on, on this thread,
// which comes to it when the callbacks of the parent are done. A child hears of its one parent once, so it is on one
// list at most, and linked through itself.
//
// Only what a walk's own request makes a callback hear is put off. A cancel() or request_stop() that a user's callback
// calls meanwhile has a walk of its own, and all is cancelled when it returns.
//
// A walk never leaves its thread (stop_request.hpp), so the thread may know it.
#include <ramie/cancellation_token.hpp>

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/wait/stop_request.hpp>

namespace ramie::detail {

namespace {

class cancel_walk;

// The innermost on this thread. Opaque: a fiber asks on different threads.
RAMIE_NOIPA cancel_walk*& walk_here() noexcept {
    static constinit thread_local cancel_walk* innermost = nullptr;
    return innermost;
}

class cancel_walk {
  public:
    cancel_walk() noexcept : outer_(std::exchange(walk_here(), this)) {}
    cancel_walk(cancel_walk const&) = delete;
    cancel_walk& operator=(cancel_walk const&) = delete;
    ~cancel_walk() { walk_here() = outer_; }

    void from(std::shared_ptr<token_node> node) noexcept {
        while (node != nullptr) {
            now_ = node->stop_token();
            (void)request_stop(node->source);
            node = std::exchange(first_, first_ != nullptr ? std::move(first_->next) : nullptr);
        }
    }
    bool requests(std::stop_token const& stop) const noexcept { return stop == now_; }
    void add(std::shared_ptr<token_node> node) noexcept {
        auto& end = first_ != nullptr ? last_->next : first_;
        last_ = node.get();
        end = std::move(node);
    }

  private:
    std::stop_token now_;
    std::shared_ptr<token_node> first_;
    token_node* last_ = nullptr;
    cancel_walk* outer_;
};

}  // namespace

// Nothing of the callback is touched after the node was let go: that may destroy it.
void token_node::heard::operator()() const noexcept {
    auto child = node->weak_from_this().lock();
    if (child == nullptr) return;  // nobody holds the token any more
    auto* const walk = walk_here();
    if (walk != nullptr && walk->requests(of)) walk->add(std::move(child));
    else cancel_walk().from(std::move(child));
}

// The node is complete before it can hear of anything.
std::shared_ptr<token_node> token_node::make(std::shared_ptr<token_node> parent, std::stop_token of) {
    auto node = std::make_shared<token_node>();
    node->parent = std::move(parent);
    node->from_parent.emplace(of, heard{of, node.get()});
    if (of.stop_requested()) node->source.request_stop();  // born so, also within the walk that is at its parent
    return node;
}

token_node::~token_node() {
    from_parent.reset();
    // Ancestors that only we kept go one after another, not one inside the other: a line of them may be long.
    auto above = std::move(parent);
    while (above && above.use_count() == 1) {
        above->from_parent.reset();
        above = std::exchange(above->parent, nullptr);
    }
}

void token_node::cancel(std::shared_ptr<token_node> node) noexcept {
    if (!node->source.stop_requested()) cancel_walk().from(std::move(node));
}

}  // namespace ramie::detail
