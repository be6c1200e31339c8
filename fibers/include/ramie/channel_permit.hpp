// Room for one value in a channel, kept for whoever holds this.
#pragma once

#include <ramie/channel_error.hpp>
#include <ramie/detail/channel_core.hpp>

#include <expected>
#include <memory>
#include <stdexcept>
#include <utility>

namespace ramie {

// What sender::reserve gives. Counts as a sender: while one exists the channel does not end, and a value sent by it is
// received even after close(). One that is destroyed unused gives its room to the sender that waits longest. Move-only.
template <class T>
class [[nodiscard]] channel_permit {
  public:
    channel_permit() = default;
    // For sender: takes over a permit the core has counted.
    explicit channel_permit(std::shared_ptr<detail::channel_core<T>> core) noexcept : core_(std::move(core)) {
        core_->add_sender();
    }
    channel_permit(channel_permit&& other) noexcept = default;
    channel_permit& operator=(channel_permit other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~channel_permit() {
        if (core_ == nullptr) return;
        core_->drop_permit();
        core_->drop_sender();
    }

    // Never waits, uses the permit up. Error: closed, nobody can receive; the value is still the caller's.
    // std::logic_error: it was used or moved from.
    std::expected<void, channel_error> send(T&& value) {
        if (core_ == nullptr) throw std::logic_error("ramie: this channel_permit is empty: it was used or moved from");
        auto const core = std::exchange(core_, nullptr);
        auto const sent = core->send_reserved(value);
        core->drop_sender();
        if (sent == detail::channel_core<T>::result::done) return {};
        return std::unexpected(channel_error::closed);
    }
    // False once used or moved from.
    [[nodiscard]] bool valid() const noexcept { return core_ != nullptr; }

  private:
    std::shared_ptr<detail::channel_core<T>> core_;
};

}  // namespace ramie
