// A count of what is still to come; it may grow as long as it is not zero. From fibers and plain threads.
#pragma once

#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/want.hpp>

#include <stdexcept>

class countdown_event {
  public:
    explicit countdown_event(std::size_t count) : left_(count) {}
    // Dies with a message if somebody waits.
    ~countdown_event() {
        std::lock_guard const held(guard_);  // lets the last signal() out
        queue_.assert_empty("countdown_event");
    }

    // Never wait.
    void add(std::size_t n) {
        std::lock_guard const held(guard_);
        if (left_ == 0) throw std::logic_error("a countdown_event that is over cannot grow");
        left_ += n;
    }
    void signal() {
        ramie::detail::woken_list woken;  // they are resumed after unlocking, and may destroy this
        std::lock_guard const held(guard_);
        if (left_ == 0) throw std::logic_error("a countdown_event that is over is signalled");
        if (--left_ == 0) queue_.claim_all(woken);
    }
    // Suspension points. False: the time ran out.
    void wait() { (void)wait_until(ramie::detail::never); }
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) { return wait_until(ramie::detail::after(d)); }

    // What a waiter wants.
    struct zero : ramie::detail::want {
        explicit zero(countdown_event& of) noexcept : event(of) {}
        ramie::detail::word_lock& lock() noexcept { return event.guard_; }
        ramie::detail::wait_queue& queue() noexcept { return event.queue_; }
        bool poll() const noexcept { return event.left_ == 0; }
        void take(ramie::detail::woken_list&) noexcept {}  // everybody can have it
        countdown_event& event;
    };

  private:
    bool wait_until(ramie::detail::time_point limit) {
        zero wanted(*this);
        return ramie::detail::obtain(wanted, {"countdown_event", this}, limit);
    }
    ramie::detail::word_lock guard_;
    ramie::detail::wait_queue queue_;
    std::size_t left_;  // under guard_
};

// A case of a select: ready when the count is zero. handler().
template <class Handler>
auto on_zero(countdown_event& of, Handler handler) {
    return ramie::detail::want_case(countdown_event::zero(of), std::move(handler));
}
