// The latest value of something, which many can read and whose changes they can wait for: configuration, state, "stop
// now". From fibers and plain threads.
//
//     auto [tx, rx] = ramie::watch<config>(config{});
//     ramie::spawn([rx = std::move(rx)]() mutable {
//         while (rx.changed()) apply(*rx.borrow_and_update());
//     });
//     tx.send(config{...});
#pragma once

#include <ramie/channel_error.hpp>
#include <ramie/detail/channel/counted_share.hpp>
#include <ramie/detail/channel/receiver_iterator.hpp>
#include <ramie/detail/channel/watch_core.hpp>
#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/task/after.hpp>

#include <chrono>
#include <expected>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace ramie {

// A value as it was when it was borrowed. It does not change while it is held, and does not keep senders from sending
// the next one.
template <class T>
class [[nodiscard]] watch_ref {
  public:
    watch_ref(std::shared_ptr<T const> value, bool changed) noexcept : value_(std::move(value)), changed_(changed) {}
    T const& operator*() const noexcept { return *value_; }
    T const* operator->() const noexcept { return value_.get(); }
    // Whether it was new to the receiver when it was borrowed.
    [[nodiscard]] bool has_changed() const noexcept { return changed_; }

  private:
    std::shared_ptr<T const> value_;
    bool changed_;
};

// Sees the latest value; values in between are skipped. Copies have seen what the original has. One object is used by
// one fiber or thread at a time.
template <class T>
class watch_receiver {
  public:
    watch_receiver() = default;

    // The latest value; it stays unseen / counts as seen. Never wait.
    watch_ref<T> borrow() const {
        auto now = held().look();
        return {std::move(now.value), now.version != seen_};
    }
    watch_ref<T> borrow_and_update() {
        auto now = held().look();
        return {std::move(now.value), now.version != std::exchange(seen_, now.version)};
    }
    // Waits for a value that was not seen, and counts it as seen; false: there is none and the last sender has gone.
    // Suspension point; an abort leaves it unseen.
    [[nodiscard]] bool changed() { return changed_by(detail::never).value_or(false); }
    // Waits at the longest that long / until then. Errors: closed, timed_out. Suspension points.
    template <class Rep, class Period>
    std::expected<void, channel_error> changed_for(std::chrono::duration<Rep, Period> d) {
        return as_expected(changed_by(detail::after(d)), channel_error::timed_out);
    }
    template <class Clock, class Duration>
    std::expected<void, channel_error> changed_until(std::chrono::time_point<Clock, Duration> t) {
        auto const news = detail::wait_until_clock(
            t, [this](detail::time_point limit) { return changed_by(limit); },
            [](std::optional<bool> got) { return !got.has_value(); });
        return as_expected(news, channel_error::timed_out);
    }
    // Never waits. Errors: closed, empty.
    std::expected<void, channel_error> try_changed() {
        auto& core = held();
        std::lock_guard const locked(core.lock);
        if (!is_ready()) return std::unexpected(channel_error::empty);
        return as_expected(std::exchange(seen_, core.version) != core.version, channel_error::empty);
    }
    // Waits for a value that satisfies `wanted`, which may be the present one; it counts as seen. Error: closed.
    // Suspension point.
    template <class Predicate>
    std::expected<watch_ref<T>, channel_error> wait_until_value(Predicate wanted) {
        (void)detail::waiter::enter();
        for (;;) {
            auto now = borrow_and_update();
            if (detail::invoke(wanted, *now)) return now;
            if (!changed()) return std::unexpected(channel_error::closed);
        }
    }
    // There is a value that was not seen. Never waits.
    [[nodiscard]] bool has_changed() const { return held().look().version != seen_; }
    // The next changed() returns at once.
    void mark_changed() noexcept { --seen_; }
    // The present value counts as seen.
    void mark_unchanged() { seen_ = held().look().version; }
    // True once the last sender has gone.
    [[nodiscard]] bool is_closed() const {
        std::lock_guard const locked(held().lock);
        return share_->senders == 0;
    }

    // for (auto& now : rx) use(*now): borrows the latest value each time there is one that was not seen, until the last
    // sender has gone. begin() and ++ are suspension points.
    using iterator = detail::receiver_iterator<watch_receiver, watch_ref<T>>;
    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

  private:
    friend iterator;
    friend detail::access;
    // Counts itself; the present value counts as seen.
    explicit watch_receiver(std::shared_ptr<detail::watch_core<T>> core) noexcept
        : watch_receiver(core, core->add_receiver()) {}
    // Takes over a receiver the core has counted.
    watch_receiver(std::shared_ptr<detail::watch_core<T>> core, std::uint64_t seen) noexcept
        : share_(std::move(core)), seen_(seen) {}
    detail::watch_core<T>& held() const { return share_.held("watch_receiver"); }
    // A new value, under the core's lock; take it.
    bool is_ready() const noexcept { return share_->has_news(seen_); }
    bool take() {
        auto const version = held().look().version;
        return std::exchange(seen_, version) != version;
    }
    std::optional<watch_ref<T>> next_of_range() {
        if (!changed()) return std::nullopt;
        auto now = held().look();
        seen_ = now.version;
        return watch_ref<T>(std::move(now.value), true);
    }
    static std::expected<void, channel_error> as_expected(std::optional<bool> news, channel_error nothing) {
        if (!news) return std::unexpected(nothing);
        if (!*news) return std::unexpected(channel_error::closed);
        return {};
    }
    std::optional<bool> changed_by(detail::time_point limit) {
        auto& core = held();
        auto locked = detail::await(core.lock, core.changing, {"watch", &core}, limit, [&] { return is_ready(); });
        if (!locked) return std::nullopt;
        return std::exchange(seen_, core.version) != core.version;
    }

    detail::counted_share<detail::watch_core<T>, detail::many_receivers> share_;
    std::uint64_t seen_ = 0;
};

// Sets the value. Copies are further senders; when the last is gone, receivers can still borrow the last value.
//
// send and the like are suspension points only because another sender may be modifying the value; an abort leaves it
// unsent.
template <class T>
class watch_sender {
  public:
    watch_sender() = default;

    // Error: closed, there is no receiver; then the value is dropped and the old one stays.
    std::expected<void, channel_error> send(T value) {
        if (is_closed()) return std::unexpected(channel_error::closed);
        (void)send_replace(std::move(value));
        return {};
    }
    // Also without receivers. Returns the former value.
    watch_ref<T> send_replace(T value) {
        auto next = std::make_shared<T const>(std::move(value));
        auto& core = held();
        std::lock_guard const writing(core.writing);
        return {core.publish(std::move(next)), false};
    }
    // f(T&) changes a copy, which then replaces the value, also without receivers. If f throws, nothing changes. f may
    // wait; other senders wait for it meanwhile, receivers do not. So f, and the copying of a T, cannot send to the
    // same watch: std::system_error (resource_deadlock_would_occur). Old values are destroyed after the others may go
    // on.
    template <class F>
    void send_modify(F&& f) {
        (void)send_if_modified([&](T& value) {
            detail::invoke(std::forward<F>(f), value);
            return true;
        });
    }
    // The same if f returns true, which says that it changed something; otherwise no receiver is told and the copy is
    // dropped.
    template <class F>
    bool send_if_modified(F&& f) {
        static_assert(std::is_copy_constructible_v<T>,
                      "ramie: modifying a watch's value needs a copy of it (readers hold the old one); use send");
        auto& core = held();
        std::shared_ptr<T> next;
        std::shared_ptr<T const> old;
        std::lock_guard const writing(core.writing);  // unlocked before `old` and the new value are destroyed
        next = std::make_shared<T>(*core.look().value);
        if (!detail::invoke(std::forward<F>(f), *next)) return false;
        old = core.publish(std::move(next));
        return true;
    }

    watch_ref<T> borrow() const { return {held().look().value, false}; }
    // The present value counts as seen by the new receiver.
    [[nodiscard]] watch_receiver<T> subscribe() const {
        return detail::access::make<watch_receiver<T>>((held(), share_.core()));
    }
    // True while there is no receiver.
    [[nodiscard]] bool is_closed() const { return receiver_count() == 0; }
    // Waits until there is no receiver. Suspension point.
    void closed() {
        auto& core = held();
        (void)detail::await(core.lock, core.closing, {"watch closed", &core}, detail::never,
                            [&] { return core.receivers == 0; });
    }
    [[nodiscard]] std::size_t receiver_count() const { return held().receiver_count(); }

  private:
    friend detail::access;
    explicit watch_sender(std::shared_ptr<detail::watch_core<T>> core) noexcept : share_(std::move(core)) {}
    detail::watch_core<T>& held() const { return share_.held("watch_sender"); }

    detail::counted_share<detail::watch_core<T>, detail::many_senders> share_;
};

// The first value counts as seen.
template <class T>
[[nodiscard]] std::pair<watch_sender<T>, watch_receiver<T>> watch(T first) {
    auto core = std::make_shared<detail::watch_core<T>>(std::make_shared<T const>(std::move(first)));
    return {detail::access::make<watch_sender<T>>(core), detail::access::make<watch_receiver<T>>(core, 0u)};
}

// A case of a select (<ramie/select.hpp>): ready when there is a value that was not seen, which then counts as seen, or
// the last sender has gone. handler(bool): false if it has gone.
template <class T, class Handler>
auto on_changed(watch_receiver<T>& by, Handler handler) {
    auto& core = detail::access::held(by);
    return detail::ready_case(
        core.lock, core.changing, [&by] { return detail::access::is_ready(by); },
        [&by, handler = std::move(handler)]() mutable { handler(detail::access::take(by)); });
}

// Ready when there is no receiver. handler().
template <class T, class Handler>
auto on_closed(watch_sender<T>& by, Handler handler) {
    auto& core = detail::access::held(by);
    return detail::ready_case(core.lock, core.closing, [&core] { return core.receivers == 0; }, std::move(handler));
}

}  // namespace ramie
