// Every receiver sees every value sent while it exists; a receiver that is too slow is told how many it missed. From
// fibers and plain threads.
//
//     auto [tx, rx] = ramie::broadcast<std::string>(16);
//     auto other = tx.subscribe();
//     tx.send("to both");
#pragma once

#include <ramie/channel_error.hpp>
#include <ramie/detail/channel/broadcast_core.hpp>
#include <ramie/detail/channel/counted_share.hpp>
#include <ramie/detail/channel/receiver_iterator.hpp>
#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/task/after.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace ramie {

// Why a broadcast_receiver got no value.
struct broadcast_error {
    enum class reason : std::uint8_t {
        closed,  // the last sender has gone, and all was received
        lagged,  // `missed` values were overwritten; the next receive gives the oldest that is left
        empty,   // try_receive
        timed_out
    };
    reason why;
    std::uint64_t missed = 0;

    bool is_closed() const noexcept { return why == reason::closed; }
    bool is_lagged() const noexcept { return why == reason::lagged; }
    friend bool operator==(broadcast_error, broadcast_error) noexcept = default;
};

template <class T>
class weak_broadcast_sender;

// Each receive copies the value; send a std::shared_ptr to objects that should not be copied. Move-only: a copy would
// have to choose whether to see what the original has still to get; resubscribe() makes that clear. One object is used
// by one fiber or thread at a time.
template <class T>
class broadcast_receiver {
    static_assert(std::is_copy_constructible_v<T>,
                  "ramie: every receiver of a broadcast gets a copy of the value; send a std::shared_ptr to it");
    using core_type = detail::broadcast_core<T>;

  public:
    using result = std::expected<T, broadcast_error>;

    broadcast_receiver() = default;

    // Waits for the next value. Errors: closed, lagged. Suspension point; an abort leaves the value to be received.
    [[nodiscard]] result receive() { return receive_by(detail::never); }
    // Waits at the longest that long / until then. Errors: closed, lagged, timed_out. Suspension points.
    template <class Rep, class Period>
    [[nodiscard]] result receive_for(std::chrono::duration<Rep, Period> d) {
        return receive_by(detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] result receive_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_until_clock(
            t, [this](detail::time_point limit) { return receive_by(limit); },
            [](result const& got) { return !got && got.error().why == broadcast_error::reason::timed_out; });
    }
    // Never waits. Errors: closed, lagged, empty.
    [[nodiscard]] result try_receive() { return take(broadcast_error::reason::empty); }
    // How many values it has still to get, without those it missed.
    [[nodiscard]] std::size_t size() const { return held().behind(share_.count().next); }
    // True once the last sender has gone. Earlier values can still be received.
    [[nodiscard]] bool is_closed() const { return !held().has_senders(); }
    // A new receiver; it sees the values sent from now on.
    [[nodiscard]] broadcast_receiver resubscribe() const {
        return detail::access::make<broadcast_receiver>((held(), share_.core()));
    }

    // for (auto& got : rx): each value, or that it lagged (the only error), until the last sender has gone and all was
    // received. begin() and ++ are suspension points.
    using iterator = detail::receiver_iterator<broadcast_receiver, result>;
    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

  private:
    friend detail::access;
    // Counts itself.
    explicit broadcast_receiver(std::shared_ptr<core_type> core) noexcept
        : broadcast_receiver(core, core->add_receiver()) {}
    // Takes over a receiver the core has counted.
    broadcast_receiver(std::shared_ptr<core_type> core, std::uint64_t next) noexcept
        : share_(std::move(core), {next}) {}
    core_type& held() const { return share_.held("broadcast_receiver"); }
    bool is_ready() const noexcept { return share_->is_ready(share_.count().next); }
    result take(broadcast_error::reason nothing) {
        auto const got = [this] {
            auto& core = held();
            std::lock_guard const locked(core.lock);
            return core.take(share_.count().next);
        }();
        using what = typename core_type::found::what;
        switch (got.kind) {
            case what::value: return *got.value;  // copied here, outside the lock
            case what::lagged: return std::unexpected(broadcast_error{broadcast_error::reason::lagged, got.missed});
            case what::closed: return std::unexpected(broadcast_error{broadcast_error::reason::closed});
            case what::nothing: break;
        }
        return std::unexpected(broadcast_error{nothing});
    }
    result receive_by(detail::time_point limit) {
        auto& core = held();
        if (auto locked = detail::await(core.lock, core.receiving, {"broadcast receive", &core}, limit,
                                        [this] { return is_ready(); });
            locked)
            locked.unlock();
        else return std::unexpected(broadcast_error{broadcast_error::reason::timed_out});
        return take(broadcast_error::reason::empty);
    }

    friend iterator;
    std::optional<result> next_of_range() {
        auto got = receive();
        if (!got && got.error().is_closed()) return std::nullopt;
        return got;
    }

    detail::counted_share<core_type, detail::broadcast_position> share_;
};

// Sends to all. Copies are further senders; when the last one is gone, receivers get the remaining values and then
// `closed`.
template <class T>
class broadcast_sender {
    using core_type = detail::broadcast_core<T>;

  public:
    broadcast_sender() = default;

    // Never waits: a full broadcast overwrites its oldest value. Returns how many receivers will see it; error: closed,
    // there is no receiver, and the value is dropped (a receiver may subscribe later).
    std::expected<std::size_t, channel_error> send(T value) {
        auto const n = held().send(std::make_shared<T const>(std::move(value)));
        if (n == 0) return std::unexpected(channel_error::closed);
        return n;
    }
    // A receiver that sees the values sent from now on.
    [[nodiscard]] broadcast_receiver<T> subscribe() const {
        return detail::access::make<broadcast_receiver<T>>((held(), share_.core()));
    }
    [[nodiscard]] std::size_t receiver_count() const { return held().receiver_count(); }
    // A sender that does not keep the broadcast open.
    [[nodiscard]] weak_broadcast_sender<T> downgrade() const noexcept {
        return detail::access::make<weak_broadcast_sender<T>>(share_.core());
    }
    // Waits until there is no receiver. Suspension point.
    void closed() {
        auto& core = held();
        (void)detail::await(core.lock, core.closing, {"broadcast closed", &core}, detail::never,
                            [&] { return core.is_closed(); });
    }

  private:
    friend detail::access;
    // Takes over a sender the core has counted.
    explicit broadcast_sender(std::shared_ptr<core_type> core) noexcept : share_(std::move(core)) {}
    core_type& held() const { return share_.held("broadcast_sender"); }

    detail::counted_share<core_type, detail::many_senders> share_;
};

// Becomes a sender if there is still one; does not keep the broadcast open by itself.
template <class T>
class weak_broadcast_sender {
  public:
    weak_broadcast_sender() = default;
    // Empty: the last sender has gone.
    [[nodiscard]] std::optional<broadcast_sender<T>> upgrade() const noexcept {
        auto core = core_.lock();
        if (!core || !core->add_sender_if_any()) return std::nullopt;
        return detail::access::make<broadcast_sender<T>>(std::move(core));
    }

  private:
    friend detail::access;
    explicit weak_broadcast_sender(std::weak_ptr<detail::broadcast_core<T>> core) noexcept : core_(std::move(core)) {}
    std::weak_ptr<detail::broadcast_core<T>> core_;
};

// Keeps the last `capacity` values for slow receivers. std::invalid_argument for a capacity of 0.
template <class T>
[[nodiscard]] std::pair<broadcast_sender<T>, broadcast_receiver<T>> broadcast(std::size_t capacity) {
    if (capacity == 0) detail::refuse_capacity("broadcast");
    auto core = std::make_shared<detail::broadcast_core<T>>(capacity);
    return {detail::access::make<broadcast_sender<T>>(core), detail::access::make<broadcast_receiver<T>>(core, 0u)};
}
template <detail::not_a_value T>
auto broadcast(std::size_t) {
    return detail::no_channel_of<T>();
}

// A case of a select (<ramie/select.hpp>): ready when there is a value, or it lagged, or the last sender has gone.
// handler(std::expected<T, broadcast_error>).
template <class T, class Handler>
auto on_receive(broadcast_receiver<T>& from, Handler handler) {
    auto& core = detail::access::held(from);
    return detail::ready_case(
        core.lock, core.receiving, [&from] { return detail::access::is_ready(from); },
        [&from, handler = std::move(handler)]() mutable {
            handler(detail::access::take(from, broadcast_error::reason::empty));
        });
}

// Ready when there is no receiver. handler().
template <class T, class Handler>
auto on_closed(broadcast_sender<T>& by, Handler handler) {
    auto& core = detail::access::held(by);
    return detail::ready_case(core.lock, core.closing, [&core] { return core.is_closed(); }, std::move(handler));
}

}  // namespace ramie
