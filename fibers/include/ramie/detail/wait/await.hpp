// Waiting until something is so, for primitives that hand nothing over: whoever makes it so claims everybody in the
// queue, and each looks again. An abort or a timeout thus has nothing to give back.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/park.hpp>
#include <ramie/detail/wait/select_case.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <mutex>
#include <utility>

namespace ramie::detail {

// Returns holding `lock`, with ready() true; or not holding it: the limit passed. Throws aborted and deadline_passed.
template <class Ready>
[[nodiscard]] std::unique_lock<word_lock> await(word_lock& lock, wait_queue& queue, wait_reason why, time_point limit,
                                                Ready ready) {
    auto& self = waiter::enter();
    for (;;) {
        std::unique_lock held(lock);
        if (ready()) return held;
        wait_node node(self);
        queue.push_back(node);
        auto const end = park(node, why, held.release(), limit);
        if (end.woken()) continue;
        {
            std::lock_guard const again(lock);
            queue.remove(node);
        }
        end.raise();
        return {};
    }
}

// The same as a case of a select: it takes effect in `finish`, which runs if it won. Ready must stay true until then,
// so what it looks at must belong to one receiver.
template <class Ready, class Finish>
class ready_case : public queued_case {
  public:
    ready_case(word_lock& lock, wait_queue& queue, Ready ready, Finish finish)
        : lock_(lock), queue_(queue), ready_(std::move(ready)), finish_(std::move(finish)) {}

    bool poll() {
        std::lock_guard const held(lock_);
        return ready_();
    }
    enlisting enlist(waiter& self, std::uint64_t g) {
        std::lock_guard const held(lock_);
        if (ready_()) return claim_for_itself(self, g) ? enlisting::won : enlisting::lost;
        queue_in(queue_, self, g, nullptr);
        return enlisting::queued;
    }
    bool withdraw() noexcept { return leave(queue_, lock_); }
    void complete() { finish_(); }

  private:
    word_lock& lock_;
    wait_queue& queue_;
    Ready ready_;
    Finish finish_;
};

}  // namespace ramie::detail
