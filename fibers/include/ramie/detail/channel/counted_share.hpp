// What an end of a channel holds: its share in the core, which counts its ends. All ends are copied, moved and dropped in
// this one way, whatever they do.
#pragma once

#include <ramie/error.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace ramie::detail {

// How the core counts an end. `copies`: there may be many of it, and add() is called for each copy.
struct one_sender {
    static constexpr bool copies = false;
    static void drop(auto& core) noexcept { core.drop_sender(); }
};
struct many_senders : one_sender {
    static constexpr bool copies = true;
    static void add(auto& core) noexcept { core.add_sender(); }
};
struct one_receiver {
    static constexpr bool copies = false;
    static void drop(auto& core) noexcept { core.drop_receiver(); }
};
struct many_receivers : one_receiver {
    static constexpr bool copies = true;
    static void add(auto& core) noexcept { (void)core.add_receiver(); }
};

// Empty when default-made or moved from.
template <class Core, class Count>
class counted_share {
  public:
    counted_share() = default;
    // Takes over an end that the core has counted.
    explicit counted_share(std::shared_ptr<Core> core, Count count = {}) noexcept
        : core_(std::move(core)), count_(count) {}
    counted_share(counted_share const& other) noexcept
        requires Count::copies
        : core_(other.core_), count_(other.count_) {
        if (core_) count_.add(*core_);
    }
    counted_share(counted_share&&) noexcept = default;
    counted_share& operator=(counted_share other) noexcept {
        std::swap(core_, other.core_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~counted_share() {
        if (core_) count_.drop(*core_);
    }

    // std::logic_error, which names the end and says why it is empty.
    template <class... Why>
    Core& held(char const* name, Why... why) const {
        if (!core_) refuse_empty(name, why...);
        return *core_;
    }
    // It is not dropped: the caller has done, or does, what drop() would do.
    [[nodiscard]] std::shared_ptr<Core> release() noexcept { return std::exchange(core_, nullptr); }
    std::shared_ptr<Core> const& core() const noexcept { return core_; }
    explicit operator bool() const noexcept { return core_ != nullptr; }
    Core* operator->() const noexcept { return core_.get(); }
    // What the end itself counts.
    Count& count() noexcept { return count_; }
    Count const& count() const noexcept { return count_; }

  private:
    std::shared_ptr<Core> core_;
    [[no_unique_address]] Count count_;
};

}  // namespace ramie::detail
