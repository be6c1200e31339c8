// A notify as a case of a select.
#pragma once

#include <ramie/notify.hpp>
#include <ramie/select.hpp>

#include <mutex>
#include <utility>

namespace ramie {

namespace detail {

template <class Handler>
class notified_case : public queued_case {
  public:
    notified_case(notify& by, Handler handler) : by_(by), handler_(std::move(handler)) {}

    bool poll() {
        std::lock_guard const held(by_.guard_);
        return std::exchange(by_.permit_, false);
    }
    enlisting enlist(waiter& self, std::uint64_t g) {
        std::lock_guard const held(by_.guard_);
        if (!by_.permit_) {
            queue_in(by_.queue_, self, g, nullptr);
            return enlisting::queued;
        }
        if (!claim_for_itself(self, g)) return enlisting::lost;
        by_.permit_ = false;
        return enlisting::won;
    }
    bool withdraw() noexcept { return leave(by_.queue_, by_.guard_); }
    void complete() { handler_(); }

  private:
    notify& by_;
    Handler handler_;
};

}  // namespace detail

// Ready when notified, or when a permit is kept; a select that goes on by another case consumes neither. handler().
template <class Handler>
auto on_notified(notify& by, Handler handler) {
    return detail::notified_case<Handler>(by, std::move(handler));
}

}  // namespace ramie
