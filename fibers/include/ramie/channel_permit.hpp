// Room in a channel, kept for the owner of this object.
#pragma once

#include <ramie/channel_error.hpp>
#include <ramie/detail/channel/channel_core.hpp>
#include <ramie/detail/ground/access.hpp>

#include <cstddef>
#include <expected>
#include <memory>
#include <utility>

namespace ramie {

// The result of sender::reserve. Counts as a sender: while a permit exists the channel does not end, and a value sent
// by it is received even after close(). A permit that is destroyed unused gives its room to the sender that waits
// longest. Move-only.
template <class T>
class [[nodiscard]] channel_permit {
  public:
    channel_permit() = default;
    channel_permit(channel_permit&& other) noexcept = default;
    channel_permit& operator=(channel_permit other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~channel_permit() {
        if (core_ == nullptr) return;
        core_->drop_permits();
        core_->drop_sender();
    }

    // Never waits, uses the permit up. Error: closed, there is no receiver; the value is still the caller's.
    // std::logic_error: it was used or moved from.
    std::expected<void, channel_error> send(T&& value) {
        if (core_ == nullptr) detail::refuse_empty("channel_permit", "it was used or moved from");
        auto const core = std::exchange(core_, nullptr);
        auto const sent = core->send_reserved(value);
        core->drop_sender();
        if (sent == detail::channel_core<T>::result::done) return {};
        return std::unexpected(channel_error::closed);
    }
    // False once used or moved from.
    [[nodiscard]] bool valid() const noexcept { return core_ != nullptr; }

  private:
    friend detail::access;
    // Takes over a permit the core has counted.
    explicit channel_permit(std::shared_ptr<detail::channel_core<T>> core) noexcept : core_(std::move(core)) {
        core_->add_sender();
    }

    std::shared_ptr<detail::channel_core<T>> core_;
};

// The result of sender::reserve_many: several permits in one. Each counts as a channel_permit does; the unused ones are
// given back with this object. Move-only.
template <class T>
class [[nodiscard]] channel_permits {
  public:
    channel_permits() = default;
    channel_permits(channel_permits&& other) noexcept
        : core_(std::move(other.core_)), left_(std::exchange(other.left_, 0)) {}
    channel_permits& operator=(channel_permits other) noexcept {
        std::swap(core_, other.core_);
        std::swap(left_, other.left_);
        return *this;
    }
    ~channel_permits() {
        if (core_ == nullptr) return;
        core_->drop_permits(left_);
        core_->drop_sender();
    }

    // How many are left.
    [[nodiscard]] std::size_t size() const noexcept { return left_; }
    [[nodiscard]] bool empty() const noexcept { return left_ == 0; }
    // One of them by itself. std::logic_error: none is left.
    [[nodiscard]] channel_permit<T> take() {
        if (left_ == 0) detail::refuse_empty("channel_permits", "used up or moved from");
        auto one = detail::access::make<channel_permit<T>>(core_);
        if (--left_ == 0) std::exchange(core_, nullptr)->drop_sender();  // `one` counts as a sender, too
        return one;
    }
    // Uses one of them; see channel_permit::send. std::logic_error: none is left.
    std::expected<void, channel_error> send(T&& value) { return take().send(std::move(value)); }

  private:
    friend detail::access;
    // Takes over `count` permits the core has counted, at least one.
    channel_permits(std::shared_ptr<detail::channel_core<T>> core, std::size_t count) noexcept
        : core_(std::move(core)), left_(count) {
        core_->add_sender();
    }

    std::shared_ptr<detail::channel_core<T>> core_;  // null: none is left
    std::size_t left_ = 0;
};

}  // namespace ramie
