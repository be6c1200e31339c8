// A channel's ends as cases of a select. An empty end (default-made, moved from) is a case that is never ready, as a
// nil channel is in Go: a way to switch a case off.
#pragma once

#include <ramie/channel.hpp>
#include <ramie/select.hpp>

namespace ramie {

namespace detail {

template <class T, class Handler>
class receive_case : public queued_case {
    using result = typename channel_core<T>::result;

  public:
    receive_case(channel_core<T>* core, Handler handler) : core_(core), handler_(std::move(handler)) {}

    bool poll() { return core_ != nullptr && core_->try_receive(value_) != result::would_wait; }
    enlisting enlist(waiter& self, std::uint64_t g) {
        if (core_ == nullptr) return enlisting::queued;
        woken_list woken;
        std::lock_guard const held(core_->lock());
        if (!core_->can_pop()) {
            queue_in(core_->receivers(), self, g, &value_);
            return enlisting::queued;
        }
        if (!claim_for_itself(self, g)) return enlisting::lost;
        (void)core_->pop(value_, woken);
        return enlisting::won;
    }
    bool withdraw() noexcept { return core_ != nullptr && leave(core_->receivers(), core_->lock()); }
    void complete() { handler_(std::move(value_)); }

  private:
    channel_core<T>* core_;
    Handler handler_;
    std::optional<T> value_;
};

template <class T, class Handler>
class send_case : public queued_case {
    using result = typename channel_core<T>::result;
    using offer = typename channel_core<T>::offer;

  public:
    send_case(channel_core<T>* core, T& value, Handler handler)
        : core_(core), offer_{&value}, handler_(std::move(handler)) {}

    bool poll() {
        if (core_ == nullptr) return false;
        auto const pushed = core_->try_send(*offer_.value);
        offer_.granted = pushed == result::done;
        return pushed != result::would_wait;
    }
    enlisting enlist(waiter& self, std::uint64_t g) {
        if (core_ == nullptr) return enlisting::queued;
        woken_list woken;
        std::lock_guard const held(core_->lock());
        if (!core_->can_push()) {
            queue_in(core_->senders(), self, g, &offer_);
            return enlisting::queued;
        }
        core_->make_room();  // whatever can fail does so before the claim
        if (!claim_for_itself(self, g)) return enlisting::lost;
        offer_.granted = core_->push(*offer_.value, woken) == result::done;
        return enlisting::won;
    }
    bool withdraw() noexcept { return core_ != nullptr && leave(core_->senders(), core_->lock()); }
    void complete() {
        if (offer_.granted) handler_(std::expected<void, channel_error>());
        else handler_(std::expected<void, channel_error>(std::unexpected(channel_error::closed)));
    }

  private:
    channel_core<T>* core_;
    offer offer_;
    Handler handler_;
};

}  // namespace detail

// Ready when a value can be received, or the channel has ended. handler(std::optional<T>).
template <class T, class Handler>
auto on_receive(receiver<T>& from, Handler handler) {
    return detail::receive_case<T, Handler>(from.core(), std::move(handler));
}

// Ready when `value` can be sent, or the channel is closed. Moved from only if it was sent.
// handler(std::expected<void, channel_error>).
template <class T, class Handler>
auto on_send(sender<T>& to, T& value, Handler handler) {
    return detail::send_case<T, Handler>(to.core(), value, std::move(handler));
}

}  // namespace ramie
