// Room in a channel, kept for the owner of this object.
#pragma once

#include <ramie/channel_error.hpp>
#include <ramie/detail/channel/channel_core.hpp>
#include <ramie/detail/channel/counted_share.hpp>
#include <ramie/detail/ground/access.hpp>

#include <cstddef>
#include <expected>
#include <memory>
#include <utility>

namespace ramie {

namespace detail {

// How the core counts permits: as room that is kept, and together as one sender.
struct permits_left {
    static constexpr bool copies = false;
    std::size_t left = 1;
    void drop(auto& core) const noexcept {
        core.drop_permits(left);
        core.drop_sender();
    }
};

}  // namespace detail

// The result of sender::reserve. Counts as a sender: while a permit exists the channel does not end, and a value sent
// by it is received even after close(). A permit that is destroyed unused gives its room to the sender that waits
// longest. Move-only.
template <class T>
class [[nodiscard]] channel_permit {
  public:
    channel_permit() = default;

    // Never waits, uses the permit up. Error: closed, there is no receiver; the value is still the caller's.
    // std::logic_error: it was used or moved from.
    std::expected<void, channel_error> send(T&& value) {
        (void)share_.held("channel_permit", "it was used or moved from");
        auto const core = share_.release();
        auto const sent = core->send_reserved(value);
        core->drop_sender();
        if (sent == detail::channel_core<T>::result::done) return {};
        return std::unexpected(channel_error::closed);
    }
    // False once used or moved from.
    [[nodiscard]] bool valid() const noexcept { return bool(share_); }

  private:
    friend detail::access;
    // Takes over a permit the core has counted.
    explicit channel_permit(std::shared_ptr<detail::channel_core<T>> core) noexcept : share_(std::move(core)) {
        share_->add_sender();
    }

    detail::counted_share<detail::channel_core<T>, detail::permits_left> share_;
};

// The result of sender::reserve_many: several permits in one. Each counts as a channel_permit does; the unused ones are
// given back with this object. Move-only.
template <class T>
class [[nodiscard]] channel_permits {
  public:
    channel_permits() = default;

    // How many are left.
    [[nodiscard]] std::size_t size() const noexcept { return share_ ? share_.count().left : 0; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    // One of them by itself. std::logic_error: none is left.
    [[nodiscard]] channel_permit<T> take() {
        (void)share_.held("channel_permits", "used up or moved from");
        auto one = detail::access::make<channel_permit<T>>(share_.core());
        if (--share_.count().left == 0) share_.release()->drop_sender();  // `one` counts as a sender, too
        return one;
    }
    // Uses one of them; see channel_permit::send. std::logic_error: none is left.
    std::expected<void, channel_error> send(T&& value) { return take().send(std::move(value)); }

  private:
    friend detail::access;
    // Takes over `count` permits the core has counted, at least one.
    channel_permits(std::shared_ptr<detail::channel_core<T>> core, std::size_t count) noexcept
        : share_(std::move(core), {count}) {
        share_->add_sender();
    }

    detail::counted_share<detail::channel_core<T>, detail::permits_left> share_;  // empty: none is left
};

}  // namespace ramie
