// What one waiter wants of a primitive, said once: where it queues, when it can have it, how it takes it. From that
// follow the plain wait (obtain) and the case of a select (want_case). CONTRIBUTING.md writes a primitive with it.
//
// A want is a struct derived from `want`, with:
//   word_lock& lock()              the primitive's
//   wait_queue& queue()            of the waiters that want the same
//   bool poll()                    it could be taken now
//   void take(woken_list&)         takes it, after poll() said yes; adds those to be resumed after unlocking
// and, if the primitive needs it, the members of `want`. All but the first two, slot(), prepare() and received() run
// under the lock. A handler of a select is called with result(), or with nothing if there is none.
//
// It moves until it is polled first; from then on a waker may find it by its slot.
#pragma once

#include <ramie/detail/wait/line_up.hpp>
#include <ramie/detail/wait/select_case.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace ramie::detail {

struct want {
    // Variant 3 of line_up.hpp: a waker hands nothing over, and the waiter looks again.
    static constexpr bool looks_again = false;
    // What a waker finds in the node: where it puts what it gives (variant 2), or how much is wanted.
    void* slot() noexcept { return nullptr; }
    // It is about to stand in the queue. May throw; then it does not.
    void queueing() {}
    // For a select: what can fail in take(), before the wait is claimed for it. Under the lock.
    void prepare() {}
    // A waker claimed the wait through that node. Not under the lock.
    void received(wait_node const&) noexcept {}
    // It is off the queue and got nothing: what its place kept from others goes to them.
    void give_up(woken_list&) noexcept {}
    // Never to be had: a case of a select that is switched off.
    bool is_off() const noexcept { return false; }
};

// The second half of obtain(): called with `wanted.lock()` held, returns with it unlocked. For a channel's send and receive,
// which look first without a want in memory (that costs a twelfth of a round trip).
template <class Want>
[[nodiscard]] inline bool wait_for_want(Want& wanted, waiter& self, wait_reason why, time_point limit)
    RAMIE_RULES_NOT_CHECKED /* a want says by a call which lock it means */ {
    wait_node node(self);
    node.slot = wanted.slot();
    bool const woken = line_up(wanted.queue(), wanted.lock(), node, why, limit,
                               [&](woken_list& others) noexcept { wanted.give_up(others); });
    if (woken) wanted.received(node);
    return woken;
}

// Waits until it has it. False: the limit passed. Suspension point; throws aborted and deadline_passed, and then it has
// taken nothing.
template <class Want>
[[nodiscard]] inline bool obtain(Want& wanted, wait_reason why, time_point limit = never) {
    auto& self = waiter::enter();
    for (;;) {
        {
            woken_list woken;
            std::unique_lock held(wanted.lock());
            if (wanted.poll()) [[likely]] {
                wanted.take(woken);
                return true;
            }
            wanted.queueing();
            held.release();
        }
        bool const told = wait_for_want(wanted, self, why, limit);
        if (!Want::looks_again || !told) return told;
    }
}

// Takes it if it can be had now.
template <class Want>
[[nodiscard]] bool try_obtain(Want& wanted) {
    woken_list woken;
    std::lock_guard const held(wanted.lock());
    if (!wanted.poll()) return false;
    wanted.take(woken);
    return true;
}

// The same as a case of a select (select_case.hpp).
template <class Want, class Handler>
class want_case {
  public:
    want_case(Want wanted, Handler handler) : want_(std::move(wanted)), handler_(std::move(handler)) {}

    bool poll() { return !want_.is_off() && try_obtain(want_); }
    enlisting enlist(waiter& self, std::uint64_t g) {
        if (want_.is_off()) return enlisting::queued;
        woken_list woken;
        std::lock_guard const held(want_.lock());
        if (!want_.poll()) {
            want_.queueing();
            node_.emplace(self, g);
            node_->slot = want_.slot();
            want_.queue().push_back(*node_);
            return enlisting::queued;
        }
        if constexpr (Want::looks_again) return claim_for_itself(self, g) ? enlisting::won : enlisting::lost;
        want_.prepare();
        if (!claim_for_itself(self, g)) return enlisting::lost;
        want_.take(woken);
        return enlisting::won;
    }
    bool withdraw() noexcept {
        if (!node_) return false;
        leave_line(want_.queue(), want_.lock(), *node_, [&](woken_list& others) noexcept {
            if (!node_->fired) want_.give_up(others);
        });
        bool const fired = node_->fired;
        if (fired) want_.received(*node_);
        node_.reset();  // the select may go on, and find it ready then
        return fired;
    }
    // Another may have been quicker than the look.
    bool confirm()
        requires Want::looks_again
    {
        return try_obtain(want_);
    }
    time_point limit() const noexcept { return never; }
    void complete() {
        if constexpr (requires { want_.result(); }) handler_(want_.result());
        else handler_();
    }

  private:
    Want want_;
    Handler handler_;
    std::optional<wait_node> node_;
};

// Something that becomes so and that each waiter looks at for itself (variant 3); `finish` is called if it wins.
template <class Ready>
struct look_out : want {
    static constexpr bool looks_again = true;
    look_out(word_lock& l, wait_queue& q, Ready r) : lock_(l), queue_(q), ready_(std::move(r)) {}
    word_lock& lock() noexcept { return lock_; }
    wait_queue& queue() noexcept { return queue_; }
    bool poll() { return ready_(); }
    void take(woken_list&) noexcept {}

  private:
    word_lock& lock_;
    wait_queue& queue_;
    Ready ready_;
};
template <class Ready, class Finish>
auto ready_case(word_lock& lock, wait_queue& queue, Ready ready, Finish finish) {
    return want_case<look_out<Ready>, Finish>(look_out<Ready>(lock, queue, std::move(ready)), std::move(finish));
}

}  // namespace ramie::detail
