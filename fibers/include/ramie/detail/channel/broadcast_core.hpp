// What the ends of a broadcast share: the last `capacity` values, numbered. Under lock: value number p lies in slot p %
// capacity while p + capacity >= tail; a receiver is a number, that of the value it gets next. A slot counts the receivers
// that have still to see its value; the last of them empties it. Values are shared, never copied, under the lock.
#pragma once

#include <ramie/detail/ground/least_most.hpp>
#include <ramie/detail/wait/await.hpp>
#include <ramie/detail/wait/want.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ramie::detail {

template <class T>
class broadcast_core {
  public:
    explicit broadcast_core(std::size_t capacity) : slots_(capacity) {}

    // What a receiver finds at its number.
    struct found {
        enum class what : std::uint8_t { value, lagged, closed, nothing } kind;
        std::shared_ptr<T const> value = nullptr;
        std::uint64_t missed = 0;
    };

    word_lock lock;
    wait_queue receiving;
    wait_queue closing;

    // How many will see it; 0: there is no receiver, and the value is dropped.
    std::size_t send(std::shared_ptr<T const> value) noexcept {
        std::shared_ptr<T const> old;  // destroyed after unlocking
        woken_list woken;
        std::lock_guard const held(lock);
        if (receivers_ == 0) return 0;
        auto& s = slots_[tail_ % slots_.size()];
        old = std::exchange(s.value, std::move(value));
        s.still_to_see = receivers_;
        ++tail_;
        receiving.claim_all(woken);
        return receivers_;
    }
    // Under lock.
    bool is_ready(std::uint64_t next) const noexcept { return next != tail_ || senders_ == 0; }
    bool is_closed() const noexcept { return receivers_ == 0; }
    found take(std::uint64_t& next) noexcept {
        if (next == tail_) return {senders_ == 0 ? found::what::closed : found::what::nothing};
        auto const oldest = tail_ - least<std::uint64_t>(tail_, slots_.size());
        if (next < oldest) return {found::what::lagged, nullptr, oldest - std::exchange(next, oldest)};
        auto& s = slots_[next++ % slots_.size()];
        if (--s.still_to_see == 0) return {found::what::value, std::move(s.value)};
        return {found::what::value, s.value};
    }

    std::uint64_t add_receiver() noexcept {
        std::lock_guard const held(lock);
        ++receivers_;
        return tail_;
    }
    // It counts as having seen all; what is sent from now on (by the destructor of a value, maybe) is not for it.
    void drop_receiver(std::uint64_t next) noexcept {
        std::uint64_t end = 0;
        {
            woken_list woken;
            std::lock_guard const held(lock);
            end = tail_;
            if (--receivers_ == 0) {
                receiving.assert_empty("broadcast's receiver");
                closing.claim_all(woken);
            }
        }
        while (next < end) {
            found unseen{};  // destroyed after unlocking
            std::lock_guard const held(lock);
            unseen = take(next);
        }
    }
    void add_sender() noexcept {
        std::lock_guard const held(lock);
        ++senders_;
    }
    // For a weak sender: false if the last one has gone.
    bool add_sender_if_any() noexcept {
        std::lock_guard const held(lock);
        if (senders_ == 0) return false;
        ++senders_;
        return true;
    }
    bool has_senders() noexcept {
        std::lock_guard const held(lock);
        return senders_ > 0;
    }
    void drop_sender() noexcept {
        woken_list woken;
        std::lock_guard const held(lock);
        if (--senders_ > 0) return;
        closing.assert_empty("broadcast's sender");
        receiving.claim_all(woken);
    }
    std::size_t receiver_count() noexcept {
        std::lock_guard const held(lock);
        return receivers_;
    }
    // How many a receiver at that number has still to get.
    std::size_t behind(std::uint64_t next) noexcept {
        std::lock_guard const held(lock);
        return static_cast<std::size_t>(least<std::uint64_t>(tail_ - next, slots_.size()));
    }

  private:
    struct slot {
        std::shared_ptr<T const> value;
        std::size_t still_to_see = 0;
    };
    std::vector<slot> slots_;
    std::uint64_t tail_ = 0;  // the number of the next value
    std::size_t senders_ = 1;
    std::size_t receivers_ = 1;
};

// How the core counts a receiver (counted_share.hpp): by the value it gets next.
struct broadcast_position {
    static constexpr bool copies = false;
    std::uint64_t next = 0;
    void drop(auto& core) const noexcept { core.drop_receiver(next); }
};

}  // namespace ramie::detail
