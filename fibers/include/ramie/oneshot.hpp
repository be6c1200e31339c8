// One value, sent once, to one receiver: a task's answer. From fibers and plain threads.
//
//     auto [tx, rx] = ramie::oneshot<int>();
//     ramie::spawn([tx = std::move(tx)]() mutable { tx.send(42); });
//     int const answer = rx.receive().value();
#pragma once

#include <ramie/channel_error.hpp>
#include <ramie/detail/channel/counted_share.hpp>
#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/await.hpp>
#include <ramie/detail/wait/want.hpp>

#include <chrono>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

// The value stays here until the receiver takes it, so an aborted receive has taken nothing. It is moved and destroyed
// outside the lock: it is the sender's until it is `delivered`, and the receiver's from then on.
template <class T>
struct oneshot_core {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "ramie: a oneshot's value must move without throwing; send a std::unique_ptr to one that may");

    bool is_ready() const noexcept { return sender_gone || receiver_gone; }
    bool is_closed() noexcept {
        std::lock_guard const held(lock);
        return receiver_gone;
    }
    bool send(T& sent) noexcept {
        value.emplace(std::move(sent));
        if (end_sending(true)) return true;
        if constexpr (std::is_nothrow_move_assignable_v<T>) {
            sent = std::move(*value);
        } else {
            std::destroy_at(std::addressof(sent));
            std::construct_at(std::addressof(sent), std::move(*value));
        }
        value.reset();
        return false;
    }
    void drop_sender() noexcept { (void)end_sending(false); }
    // Whether it is delivered.
    bool end_sending(bool with_value) noexcept {
        woken_list woken;
        std::lock_guard const held(lock);
        closing.assert_empty("oneshot's sender");
        sender_gone = true;
        delivered = with_value && !receiver_gone;
        receiving.claim_all(woken);
        return delivered;
    }
    void close() noexcept {
        woken_list woken;
        std::lock_guard const held(lock);
        receiver_gone = true;
        closing.claim_all(woken);
        receiving.claim_all(woken);
    }
    void drop_receiver() noexcept {
        bool unreceived = false;
        {
            woken_list woken;
            std::lock_guard const held(lock);
            receiving.assert_empty("oneshot's receiver");
            receiver_gone = true;
            unreceived = std::exchange(delivered, false);
            closing.claim_all(woken);
        }
        if (unreceived) value.reset();
    }
    std::expected<T, channel_error> take(channel_error nothing) {
        {
            std::lock_guard const held(lock);
            if (!std::exchange(delivered, false)) return std::unexpected(is_ready() ? channel_error::closed : nothing);
        }
        std::expected<T, channel_error> taken(std::move(*value));
        value.reset();
        return taken;
    }

    word_lock lock;
    std::optional<T> value;
    bool sender_gone = false;    // it sent, or will never
    bool delivered = false;      // `value` is there, and was not taken yet
    bool receiver_gone = false;  // closed by the receiver
    wait_queue receiving;
    wait_queue closing;
};

}  // namespace detail

// The end that sends. Move-only; destroying it unused tells the receiver `closed`. std::logic_error from one that has
// sent or was moved from.
template <class T>
class oneshot_sender {
  public:
    oneshot_sender() = default;

    // Uses the sender up. Never waits. Error: closed, there will be no receiver; the value is still the caller's.
    std::expected<void, channel_error> send(T&& value) {
        (void)held();
        auto const core = share_.release();
        if (core->send(value)) return {};
        return std::unexpected(channel_error::closed);
    }
    std::expected<void, channel_error> send(T const& value) { return send(T(value)); }
    // True once the receiver has gone or closed.
    [[nodiscard]] bool is_closed() const { return held().is_closed(); }
    // Waits for that: the answer is no longer wanted. Suspension point.
    void closed() {
        auto& core = held();
        (void)detail::await(core.lock, core.closing, {"oneshot closed", &core}, detail::never,
                            [&] { return core.receiver_gone; });
    }
    // False once it has sent or was moved from.
    [[nodiscard]] bool valid() const noexcept { return bool(share_); }

  private:
    friend detail::access;
    explicit oneshot_sender(std::shared_ptr<detail::oneshot_core<T>> core) noexcept : share_(std::move(core)) {}
    detail::oneshot_core<T>& held() const { return share_.held("oneshot_sender", "it has sent, or was moved from"); }

    detail::counted_share<detail::oneshot_core<T>, detail::one_sender> share_;
};

// The end that receives. Move-only. An aborted or timed-out receive has taken nothing and may be repeated.
template <class T>
class oneshot_receiver {
  public:
    oneshot_receiver() = default;

    // Waits for the value. Error: closed, it will not come (or was received already). Suspension point.
    [[nodiscard]] std::expected<T, channel_error> receive() { return receive_by(detail::never); }
    // Waits at the longest that long / until then. Errors: closed, timed_out. Suspension points.
    template <class Rep, class Period>
    [[nodiscard]] std::expected<T, channel_error> receive_for(std::chrono::duration<Rep, Period> d) {
        return receive_by(detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] std::expected<T, channel_error> receive_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_until_clock(
            t, [this](detail::time_point limit) { return receive_by(limit); },
            [](auto const& got) { return !got && got.error() == channel_error::timed_out; });
    }
    // Never waits. Errors: closed, empty.
    [[nodiscard]] std::expected<T, channel_error> try_receive() { return held().take(channel_error::empty); }
    // Nothing can be sent any more; a value that was sent before can still be received.
    void close() { held().close(); }

  private:
    friend detail::access;
    explicit oneshot_receiver(std::shared_ptr<detail::oneshot_core<T>> core) noexcept : share_(std::move(core)) {}
    detail::oneshot_core<T>& held() const { return share_.held("oneshot_receiver"); }
    std::expected<T, channel_error> receive_by(detail::time_point limit) {
        auto& core = held();
        auto locked = detail::await(core.lock, core.receiving, {"oneshot receive", &core}, limit,
                                    [&] { return core.is_ready(); });
        if (!locked) return std::unexpected(channel_error::timed_out);
        locked.unlock();
        return core.take(channel_error::empty);
    }

    detail::counted_share<detail::oneshot_core<T>, detail::one_receiver> share_;
};

template <class T>
[[nodiscard]] std::pair<oneshot_sender<T>, oneshot_receiver<T>> oneshot() {
    auto core = std::make_shared<detail::oneshot_core<T>>();
    return {detail::access::make<oneshot_sender<T>>(core), detail::access::make<oneshot_receiver<T>>(core)};
}
template <detail::not_a_value T>
auto oneshot() {
    return detail::no_channel_of<T>();
}

// Cases of a select (<ramie/select.hpp>).

// Ready when the value has come, or will not. handler(std::expected<T, channel_error>).
template <class T, class Handler>
auto on_receive(oneshot_receiver<T>& from, Handler handler) {
    auto& core = detail::access::held(from);
    return detail::ready_case(
        core.lock, core.receiving, [&core] { return core.is_ready(); },
        [&core, handler = std::move(handler)]() mutable { handler(core.take(channel_error::empty)); });
}
// Ready when the receiver has gone. handler().
template <class T, class Handler>
auto on_closed(oneshot_sender<T>& by, Handler handler) {
    auto& core = detail::access::held(by);
    return detail::ready_case(core.lock, core.closing, [&core] { return core.receiver_gone; }, std::move(handler));
}

}  // namespace ramie
