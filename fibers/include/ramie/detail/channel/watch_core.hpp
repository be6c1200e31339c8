// What the ends of a watch share: the latest value and how many there were. A value is never changed once it is here,
// only replaced, so readers hold it by reference count and neither side waits for the other.
#pragma once

#include <ramie/detail/wait/await.hpp>
#include <ramie/detail/wait/want.hpp>
#include <ramie/mutex.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace ramie::detail {

template <class T>
struct watch_core {
    explicit watch_core(std::shared_ptr<T const> first) : value(std::move(first)) {}

    struct seen_value {
        std::shared_ptr<T const> value;
        std::uint64_t version;
    };
    seen_value look() {
        std::lock_guard const held(lock);
        return {value, version};
    }
    // Under `writing`. Returns what was there, for the caller to destroy outside the lock.
    std::shared_ptr<T const> publish(std::shared_ptr<T const> next) noexcept {
        woken_list woken;
        std::lock_guard const held(lock);
        value.swap(next);
        ++version;
        changing.claim_all(woken);
        return next;
    }
    void add_sender() noexcept {
        std::lock_guard const held(lock);
        ++senders;
    }
    // Returns the version that counts as seen.
    std::uint64_t add_receiver() noexcept {
        std::lock_guard const held(lock);
        ++receivers;
        return version;
    }
    void drop_sender() noexcept {
        woken_list woken;
        std::lock_guard const held(lock);
        if (--senders > 0) return;
        closing.assert_empty("watch's sender");
        changing.claim_all(woken);
    }
    void drop_receiver() noexcept {
        woken_list woken;
        std::lock_guard const held(lock);
        if (--receivers > 0) return;
        changing.assert_empty("watch's receiver");
        closing.claim_all(woken);
    }
    std::size_t receiver_count() noexcept {
        std::lock_guard const held(lock);
        return receivers;
    }
    bool has_news(std::uint64_t seen) const noexcept { return version != seen || senders == 0; }

    mutex writing;  // makes a modification one step
    word_lock lock;
    std::shared_ptr<T const> value;
    std::uint64_t version = 0;
    std::size_t senders = 1;
    std::size_t receivers = 1;
    wait_queue changing;
    wait_queue closing;
};

}  // namespace ramie::detail
