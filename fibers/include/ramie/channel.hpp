// Channels: many senders, many receivers, values in order, each to one receiver. From fibers and plain threads.
//
//     auto [tx, rx] = ramie::channel<job>(16);
//     auto worker = ramie::spawn([rx = std::move(rx)]() mutable { for (auto& j : rx) j.run(); });
//     tx.send(job{...});
//     tx = {};               // the last sender has gone: the worker's loop ends
#pragma once

#include <ramie/channel_error.hpp>
#include <ramie/channel_permit.hpp>
#include <ramie/detail/channel/channel_core.hpp>
#include <ramie/detail/channel/counted_share.hpp>
#include <ramie/detail/channel/receiver_iterator.hpp>
#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/ground/least_most.hpp>
#include <ramie/detail/task/after.hpp>

#include <chrono>
#include <expected>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ramie {

namespace detail {

// What it gives to a handler.
template <class T>
struct channel_send : channel_core<T>::sending {
    using channel_core<T>::sending::sending;
    std::expected<void, channel_error> result() const {
        if (this->granted()) return {};
        return std::unexpected(channel_error::closed);
    }
};

// Room for one value; it is counted from when it is granted on, and the permit takes that over.
template <class T>
class channel_reserve : public channel_core<T>::reserving {
  public:
    explicit channel_reserve(std::shared_ptr<channel_core<T>> core) noexcept
        : channel_core<T>::reserving(core.get(), 1), core_(std::move(core)) {}
    std::expected<channel_permit<T>, channel_error> result() const {
        if (this->granted()) return access::make<channel_permit<T>>(core_);
        return std::unexpected(channel_error::closed);
    }

  private:
    std::shared_ptr<channel_core<T>> core_;
};

}  // namespace detail

template <class T>
class weak_sender;

// One end of a channel. Copies are further senders; when the last is gone, receivers get what is left and then the end.
// One object is used by one fiber or thread at a time. std::logic_error from an empty one (default-made or moved from).
//
// A value that is not sent (closed, full, timed out, aborted) is not moved from: it is still the caller's. Values move in
// and out under the channel's lock, so their move constructors, and the destructors of what was moved from, must not use
// the channel. Values are destroyed outside the lock.
template <class T>
class sender {
  public:
    sender() = default;

    // Waits for room. Error: closed. Suspension point.
    std::expected<void, channel_error> send(T&& value) {
        return as_expected(held().send(value, detail::never), channel_error::timed_out);
    }
    std::expected<void, channel_error> send(T const& value) { return send(copy_of(value)); }
    // Never waits. Errors: closed, full.
    std::expected<void, channel_error> try_send(T&& value) {
        return as_expected(held().try_send(value), channel_error::full);
    }
    std::expected<void, channel_error> try_send(T const& value) { return try_send(copy_of(value)); }
    // Waits for room at the longest that long / until then. Errors: closed, timed_out. Suspension points.
    template <class Rep, class Period>
    std::expected<void, channel_error> send_for(T&& value, std::chrono::duration<Rep, Period> d) {
        return as_expected(held().send(value, detail::after(d)), channel_error::timed_out);
    }
    template <class Rep, class Period>
    std::expected<void, channel_error> send_for(T const& value, std::chrono::duration<Rep, Period> d) {
        return send_for(copy_of(value), d);
    }
    template <class Clock, class Duration>
    std::expected<void, channel_error> send_until(T&& value, std::chrono::time_point<Clock, Duration> t) {
        auto& core = held();
        return as_expected(until(t, [&](detail::time_point limit) { return core.send(value, limit); }),
                           channel_error::timed_out);
    }
    template <class Clock, class Duration>
    std::expected<void, channel_error> send_until(T const& value, std::chrono::time_point<Clock, Duration> t) {
        return send_until(copy_of(value), t);
    }

    // Waits for room and keeps it: the permit's send cannot fail for want of it. Error: closed. Suspension point; an
    // abort leaves no room taken.
    std::expected<channel_permit<T>, channel_error> reserve() {
        return as_permit(held().reserve(1, detail::never), channel_error::timed_out);
    }
    // Never waits. Errors: closed, full.
    std::expected<channel_permit<T>, channel_error> try_reserve() {
        return as_permit(held().try_reserve(1), channel_error::full);
    }
    // Waits at the longest that long / until then. Errors: closed, timed_out. Suspension points.
    template <class Rep, class Period>
    std::expected<channel_permit<T>, channel_error> reserve_for(std::chrono::duration<Rep, Period> d) {
        return as_permit(held().reserve(1, detail::after(d)), channel_error::timed_out);
    }
    template <class Clock, class Duration>
    std::expected<channel_permit<T>, channel_error> reserve_until(std::chrono::time_point<Clock, Duration> t) {
        auto& core = held();
        return as_permit(until(t, [&](detail::time_point limit) { return core.reserve(1, limit); }),
                         channel_error::timed_out);
    }
    // The same for several values at once: waits until there is room for all of them, and is not overtaken meanwhile.
    // std::invalid_argument: more than capacity().
    std::expected<channel_permits<T>, channel_error> reserve_many(std::size_t count) {
        return as_permits(possible(count).reserve(count, detail::never), count, channel_error::timed_out);
    }
    // All or none.
    std::expected<channel_permits<T>, channel_error> try_reserve_many(std::size_t count) {
        return as_permits(possible(count).try_reserve(count), count, channel_error::full);
    }
    template <class Rep, class Period>
    std::expected<channel_permits<T>, channel_error> reserve_many_for(std::size_t count,
                                                                      std::chrono::duration<Rep, Period> d) {
        return as_permits(possible(count).reserve(count, detail::after(d)), count, channel_error::timed_out);
    }
    template <class Clock, class Duration>
    std::expected<channel_permits<T>, channel_error> reserve_many_until(std::size_t count,
                                                                        std::chrono::time_point<Clock, Duration> t) {
        auto& core = possible(count);
        return as_permits(until(t, [&](detail::time_point limit) { return core.reserve(count, limit); }), count,
                          channel_error::timed_out);
    }

    // No more sends, by any sender; what was sent, and what permits still send, can be received.
    void close() { held().close(); }
    // True once that was done, or there is no receiver.
    [[nodiscard]] bool is_closed() const { return held().is_closed_to_senders(); }
    // Waits until the channel is closed or has no receiver. Suspension point.
    void closed() { (void)held().wait_closed(detail::never); }
    // Values waiting in the channel.
    [[nodiscard]] std::size_t size() const { return held().size(); }
    [[nodiscard]] std::size_t capacity() const { return held().capacity(); }
    // True for a sender of the same channel.
    [[nodiscard]] bool same_channel(sender const& other) const noexcept { return share_.core() == other.share_.core(); }
    // A sender that does not keep the channel open.
    [[nodiscard]] weak_sender<T> downgrade() const noexcept { return detail::access::make<weak_sender<T>>(share_.core()); }

  private:
    friend detail::access;
    // Takes over a sender the core has counted.
    explicit sender(std::shared_ptr<detail::channel_core<T>> core) noexcept : share_(std::move(core)) {}
    using result = typename detail::channel_core<T>::result;

    detail::channel_core<T>& held() const { return share_.held("channel sender"); }
    template <class TimePoint, class Attempt>
    static result until(TimePoint t, Attempt attempt) {
        return detail::wait_until_clock(t, attempt, [](result r) { return r == result::would_wait; });
    }
    static T copy_of(T const& value) {
        constexpr bool can_be_copied = std::is_copy_constructible_v<T>;
        static_assert(can_be_copied, "ramie: this value cannot be copied into the channel; std::move it");
        if constexpr (can_be_copied) return value;
        else std::unreachable();
    }
    static std::expected<void, channel_error> as_expected(result r, channel_error would_wait) {
        if (r == result::done) return {};
        return std::unexpected(r == result::closed ? channel_error::closed : would_wait);
    }
    detail::channel_core<T>& possible(std::size_t count) const {
        auto& core = held();
        if (count > core.capacity())
            throw std::invalid_argument("ramie: room for " + std::to_string(count) +
                                        " values is to be reserved in a channel; accepted are 0 to " +
                                        std::to_string(core.capacity()) + ", its capacity");
        return core;
    }
    std::expected<channel_permits<T>, channel_error> as_permits(result r, std::size_t count,
                                                                channel_error would_wait) const {
        if (r == result::done) return count == 0 ? channel_permits<T>() : detail::access::make<channel_permits<T>>(share_.core(), count);
        return std::unexpected(r == result::closed ? channel_error::closed : would_wait);
    }
    std::expected<channel_permit<T>, channel_error> as_permit(result r, channel_error would_wait) const {
        if (r == result::done) return detail::access::make<channel_permit<T>>(share_.core());
        return std::unexpected(r == result::closed ? channel_error::closed : would_wait);
    }

    detail::counted_share<detail::channel_core<T>, detail::many_senders> share_;
};

// Becomes a sender if there still is one; does not keep the channel open by itself.
template <class T>
class weak_sender {
  public:
    weak_sender() = default;
    // Empty: the last sender has gone.
    [[nodiscard]] std::optional<sender<T>> upgrade() const noexcept {
        auto core = core_.lock();
        if (!core || !core->add_sender_if_any()) return std::nullopt;
        return detail::access::make<sender<T>>(std::move(core));
    }

  private:
    friend detail::access;
    explicit weak_sender(std::weak_ptr<detail::channel_core<T>> core) noexcept : core_(std::move(core)) {}
    std::weak_ptr<detail::channel_core<T>> core_;
};

// The other end. Copies are further receivers: each value goes to one of them. When the last is gone, senders are told
// and what was not received is destroyed. One object is used by one fiber or thread at a time. std::logic_error from an
// empty one.
//
// A receive that ends by abort or timeout has taken nothing.
template <class T>
class receiver {
  public:
    receiver() = default;

    // Waits for a value; empty: the channel is closed and all was received. Suspension point.
    [[nodiscard]] std::optional<T> receive() {
        std::optional<T> value;
        (void)held().receive(value, detail::never);
        return value;
    }
    // Never waits. Errors: closed, empty.
    [[nodiscard]] std::expected<T, channel_error> try_receive() {
        std::optional<T> value;
        return as_expected(held().try_receive(value), value, channel_error::empty);
    }
    // Waits at the longest that long / until then. Errors: closed, timed_out. Suspension points.
    template <class Rep, class Period>
    [[nodiscard]] std::expected<T, channel_error> receive_for(std::chrono::duration<Rep, Period> d) {
        std::optional<T> value;
        return as_expected(held().receive(value, detail::after(d)), value, channel_error::timed_out);
    }
    template <class Clock, class Duration>
    [[nodiscard]] std::expected<T, channel_error> receive_until(std::chrono::time_point<Clock, Duration> t) {
        auto& core = held();
        std::optional<T> value;
        auto const received = detail::wait_until_clock(
            t, [&](detail::time_point limit) { return core.receive(value, limit); },
            [](result r) { return r == result::would_wait; });
        return as_expected(received, value, channel_error::timed_out);
    }
    // Waits for a value, then appends to `out` it and what else is there, at most `limit` in all, and returns how many;
    // 0: the channel is closed and all was received (or limit is 0). Suspension point; on abort nothing was taken.
    std::size_t receive_many(std::vector<T>& out, std::size_t limit) {
        if (limit == 0) return 0;
        auto const room = detail::least(limit, detail::most(size(), std::size_t{1}));
        out.reserve(out.size() + room);  // first, so that no value is lost for want of memory
        std::optional<T> value;
        std::size_t taken = 0;
        for (auto r = held().receive(value, detail::never); r == result::done; r = held().try_receive(value)) {
            out.push_back(std::move(*value));
            value.reset();
            if (++taken == room) break;
        }
        return taken;
    }

    // No more sends, by any sender; what was sent, and what permits still send, can be received.
    void close() { held().close(); }
    // True once that was done, or the last sender has gone. What was sent before can still be received.
    [[nodiscard]] bool is_closed() const { return held().is_closed_to_receivers(); }
    [[nodiscard]] std::size_t size() const { return held().size(); }

    // for (auto& value : rx): until the channel is closed and empty. begin() and ++ are suspension points.
    using iterator = detail::receiver_iterator<receiver, T>;
    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

  private:
    friend iterator;
    friend detail::access;
    // Takes over a receiver the core has counted.
    explicit receiver(std::shared_ptr<detail::channel_core<T>> core) noexcept : share_(std::move(core)) {}
    std::optional<T> next_of_range() { return receive(); }
    using result = typename detail::channel_core<T>::result;

    detail::channel_core<T>& held() const { return share_.held("channel receiver"); }
    static std::expected<T, channel_error> as_expected(result r, std::optional<T>& value, channel_error would_wait) {
        if (r == result::done) return std::move(*value);
        return std::unexpected(r == result::closed ? channel_error::closed : would_wait);
    }

    detail::counted_share<detail::channel_core<T>, detail::many_receivers> share_;
};

// A channel with room for `capacity` values. std::invalid_argument for a capacity of 0.
template <class T>
[[nodiscard]] std::pair<sender<T>, receiver<T>> channel(std::size_t capacity) {
    if (capacity == 0) detail::refuse_capacity("channel");
    auto core = std::make_shared<detail::channel_core<T>>(capacity);
    return {detail::access::make<sender<T>>(core), detail::access::make<receiver<T>>(core)};
}

// A channel without a capacity: its senders never wait.
template <class T>
[[nodiscard]] std::pair<sender<T>, receiver<T>> unbounded_channel() {
    auto core = std::make_shared<detail::channel_core<T>>(detail::channel_core<T>::unbounded);
    return {detail::access::make<sender<T>>(core), detail::access::make<receiver<T>>(core)};
}

template <detail::not_a_value T>
auto channel(std::size_t) {
    return detail::no_channel_of<T>();
}
template <detail::not_a_value T>
auto unbounded_channel() {
    return detail::no_channel_of<T>();
}

// Cases of a select (<ramie/select.hpp>). An empty end (default-made, moved from) is a case that is never ready, as a nil
// channel is in Go: a way to switch a case off.

// Ready when a value can be received, or the channel has ended. handler(std::optional<T>).
template <class T, class Handler>
auto on_receive(receiver<T>& from, Handler handler) {
    using wanted = typename detail::channel_core<T>::template receiving<std::optional<T>>;
    return detail::want_case(wanted(detail::access::core(from).get(), std::nullopt), std::move(handler));
}

// Ready when `value` can be sent, or the channel is closed. Moved from only if it was sent.
// handler(std::expected<void, channel_error>).
template <class T, class Handler>
auto on_send(sender<T>& to, T& value, Handler handler) {
    return detail::want_case(detail::channel_send<T>(detail::access::core(to).get(), value), std::move(handler));
}

// Ready when there is room, which is then kept, or the channel is closed.
// handler(std::expected<channel_permit<T>, channel_error>).
template <class T, class Handler>
auto on_reserve(sender<T>& to, Handler handler) {
    return detail::want_case(detail::channel_reserve<T>(detail::access::core(to)), std::move(handler));
}

// Ready when the channel is closed or has no receiver. handler().
template <class T, class Handler>
auto on_closed(sender<T>& by, Handler handler) {
    using wanted = typename detail::channel_core<T>::closing;
    return detail::want_case(wanted(detail::access::core(by).get()), std::move(handler));
}

}  // namespace ramie
