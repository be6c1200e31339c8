// A wait that a std::stop_token may end: a fourth party in the race of task_state.hpp, which claims as a waker does.
#pragma once

#include <ramie/detail/wait/wait_queue.hpp>

#include <memory>
#include <stop_token>
#include <utility>

namespace ramie::detail {

// From its construction until end(), a stop claims the wait of `node`. If the stop was requested before, the wait is
// claimed at once and park() will not wait. The stop hands nothing over and leaves the node in its queue: a waker
// offers what it has to the next node.
//
// The callback runs in the thread that requests the stop. It neither waits nor switches. So end(), which must wait for
// a callback that is under way in another thread, waits only a few instructions; after end() no thread looks at the
// node.
class stop_claim {
  public:
    // Null: only the wakers end the wait.
    stop_claim(wait_node const& node, std::stop_token const* stop)
        : callback_(stop != nullptr ? *stop : std::stop_token(), request{&node, &stopped_}) {}
    ~stop_claim() { (void)end(); }
    stop_claim(stop_claim const&) = delete;
    stop_claim& operator=(stop_claim const&) = delete;

    // True if the stop ended the wait.
    bool end() noexcept {
        if (std::exchange(registered_, false)) std::destroy_at(std::addressof(callback_));
        return stopped_;
    }

  private:
    struct request {
        wait_node const* node;
        bool* stopped;  // read only after the callback was unregistered

        void operator()() const noexcept {
            auto& waiting = *node->waiting;
            switch (waiting.state.claim(node->generation, task_state::outcome::woken)) {
                case task_state::claim_result::lost: return;
                case task_state::claim_result::nothing_more: *stopped = true; return;
                case task_state::claim_result::submit_it:
                    *stopped = true;
                    resume(waiting);
                    return;
            }
        }
    };

    bool stopped_ = false;  // before callback_: a stop that was requested writes it at once
    bool registered_ = true;
    union {  // a std::optional has gcc 12 warn of an uninitialized value in sanitized builds
        std::stop_callback<request> callback_;
    };
};

}  // namespace ramie::detail
