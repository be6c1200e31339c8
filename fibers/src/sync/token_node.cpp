// Cancelling goes down the tree without recursion. When a token's stop is requested, a child's callback does not cancel
// the child at once: it puts the child on the list of the walk that is under way on this thread, and the walk comes to
// the child when the callbacks of the parent are done. A child has one parent, which tells it once, so it is on one
// list at most, and is linked through itself.
//
// Only callbacks that a walk's own request runs are put off. A cancel() or request_stop() that a user's callback makes
// meanwhile has a walk of its own, and all is cancelled when it returns.
//
// A walk never leaves its thread (stop_request.hpp), so a thread-local can point to it.
#include <ramie/cancellation_token.hpp>

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/wait/stop_request.hpp>

namespace ramie::detail {

namespace {

class cancel_walk;

// The innermost walk on this thread. Opaque, because a fiber asks on different threads.
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

// Nothing of the callback is touched after the reference to the node was released, because that may destroy the
// callback.
void token_node::heard::operator()() const noexcept {
    auto child = node->weak_from_this().lock();
    if (child == nullptr) return;  // the token has no holder any more
    auto* const walk = walk_here();
    if (walk != nullptr && walk->requests(of)) walk->add(std::move(child));
    else cancel_walk().from(std::move(child));
}

// The node is complete before a callback can reach it.
std::shared_ptr<token_node> token_node::make(std::shared_ptr<token_node> parent, std::stop_token of) {
    auto node = std::make_shared<token_node>();
    node->parent = std::move(parent);
    node->from_parent.emplace(of, heard{of, node.get()});
    if (of.stop_requested()) node->source.request_stop();  // also within the parent's walk
    return node;
}

token_node::~token_node() {
    from_parent.reset();
    // Ancestors that only this node kept are released one after another, not recursively: the line may be long.
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
