// Permits, first come first served; several at once; owned permits; closing. As tokio's Semaphore.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/want.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <memory>
#include <utility>

namespace ramie {

enum class acquire_error : std::uint8_t { closed, no_permits, timed_out };

// A waiter for many permits is served before later waiters for few, so it is not starved. A permit handed to a waiter
// whose wait ended at the same moment (abort, timeout) goes to the next one; none is lost. From fibers and plain
// threads.
class semaphore {
  public:
    class permit;

    // The most that may be free at the same time. A permit that is out does not count.
    static constexpr std::size_t max() noexcept { return std::numeric_limits<std::size_t>::max() / 2; }

    // std::invalid_argument: more than max().
    constexpr explicit semaphore(std::size_t permits) : permits_(permits) {
        if (permits > max()) refuse("starts with", permits);
    }
    semaphore(semaphore const&) = delete;
    semaphore& operator=(semaphore const&) = delete;
    // Dies with a message if a fiber or thread waits.
    RAMIE_API ~semaphore();

    // Waits for `count` permits at once. Error: closed. Suspension point; on abort none was taken. std::invalid_argument:
    // more than max(), which would never come.
    RAMIE_API std::expected<permit, acquire_error> acquire(std::size_t count = 1);
    // Never waits; also fails while others wait. Errors: closed, no_permits.
    RAMIE_API std::expected<permit, acquire_error> try_acquire(std::size_t count = 1) noexcept;
    // Waits at the longest that long / until then. Errors: closed, timed_out. Suspension points.
    template <class Rep, class Period>
    std::expected<permit, acquire_error> acquire_for(std::chrono::duration<Rep, Period> d, std::size_t count = 1);
    template <class Clock, class Duration>
    std::expected<permit, acquire_error> acquire_until(std::chrono::time_point<Clock, Duration> t, std::size_t count = 1);

    // The same, with permits that keep the semaphore alive: for tasks that outlive the semaphore's maker.
    RAMIE_API static std::expected<permit, acquire_error> acquire_owned(std::shared_ptr<semaphore> from,
                                                                        std::size_t count = 1);
    RAMIE_API static std::expected<permit, acquire_error> try_acquire_owned(std::shared_ptr<semaphore> from,
                                                                            std::size_t count = 1) noexcept;
    template <class Rep, class Period>
    static std::expected<permit, acquire_error> acquire_owned_for(std::shared_ptr<semaphore> from,
                                                                  std::chrono::duration<Rep, Period> d,
                                                                  std::size_t count = 1);
    template <class Clock, class Duration>
    static std::expected<permit, acquire_error> acquire_owned_until(std::shared_ptr<semaphore> from,
                                                                    std::chrono::time_point<Clock, Duration> t,
                                                                    std::size_t count = 1);

    // Adds permits: given back, or new ones. Never waits. std::length_error: more than max() would be free; then none was
    // added.
    RAMIE_API void release(std::size_t count = 1);
    // Takes away up to that many free permits; says how many it took.
    RAMIE_API std::size_t forget(std::size_t count) noexcept;
    // All waiters, and all later callers, are told `closed`. Permits held can still be given back.
    RAMIE_API void close() noexcept;
    [[nodiscard]] RAMIE_API bool is_closed() const noexcept;
    [[nodiscard]] RAMIE_API std::size_t available() const noexcept;

  private:
    class wish;
    template <class Handler>
    friend auto on_acquire(semaphore& from, std::size_t count, Handler handler);

    [[noreturn]] RAMIE_API static void refuse(char const* verb, std::size_t count);
    RAMIE_API std::expected<permit, acquire_error> acquire_by(std::size_t count, detail::time_point limit);
    RAMIE_API static std::expected<permit, acquire_error> owned(std::expected<permit, acquire_error> got,
                                                                std::shared_ptr<semaphore> from) noexcept;
    // By a permit. They were free once, and were not counted since.
    RAMIE_API void give_back(std::size_t count) noexcept;
    // Under guard_.
    RAMIE_API void serve(detail::woken_list& woken) noexcept;

    mutable detail::word_lock guard_;
    detail::wait_queue queue_;  // a node's slot points to how many it wants, and is cleared when they were granted
    std::size_t permits_;
    bool closed_ = false;
};

// Given back when it is destroyed, unless it is forgotten. Move-only. The semaphore must outlive it, unless it is an
// owned one.
class [[nodiscard]] semaphore::permit {
  public:
    permit() = default;
    permit(permit&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)),
          count_(std::exchange(other.count_, 0)),
          keeps_(std::move(other.keeps_)) {}
    permit& operator=(permit other) noexcept {
        std::swap(from_, other.from_);
        std::swap(count_, other.count_);
        std::swap(keeps_, other.keeps_);
        return *this;
    }
    ~permit() {
        if (count_ > 0) from_->give_back(count_);
    }

    std::size_t count() const noexcept { return count_; }
    // Never given back: the semaphore has that many fewer.
    void forget() noexcept { count_ = 0; }
    // Splits n off into a permit of their own; an empty one if there are not that many.
    RAMIE_API permit split(std::size_t n) noexcept;
    // Takes over what `other` holds. std::logic_error if that is of another semaphore; std::length_error if the sum cannot
    // be counted.
    RAMIE_API void merge(permit other);

  private:
    friend class semaphore;
    friend class semaphore::wish;
    permit(semaphore& from, std::size_t count) noexcept : from_(&from), count_(count) {}

    semaphore* from_ = nullptr;
    std::size_t count_ = 0;
    std::shared_ptr<semaphore> keeps_;
};

// What a waiter wants.
class semaphore::wish : public detail::want {
  public:
    wish(semaphore& from, std::size_t count) noexcept : from_(from), count_(count) {}
    detail::word_lock& lock() noexcept { return from_.guard_; }
    detail::wait_queue& queue() noexcept { return from_.queue_; }
    void* slot() noexcept { return &count_; }
    bool poll() const noexcept { return from_.closed_ || (from_.queue_.empty() && from_.permits_ >= count_); }
    void take(detail::woken_list&) noexcept {
        granted_ = !from_.closed_;
        if (granted_) from_.permits_ -= count_;
    }
    void received(detail::wait_node const& node) noexcept { granted_ = node.slot == nullptr; }
    // Waiters behind it that want less may have waited only for it.
    void give_up(detail::woken_list& others) noexcept { from_.serve(others); }

    std::expected<permit, acquire_error> result() const noexcept {
        if (granted_) return permit(from_, count_);
        return std::unexpected(acquire_error::closed);
    }

  private:
    semaphore& from_;
    std::size_t count_;
    bool granted_ = false;
};

template <class Rep, class Period>
std::expected<semaphore::permit, acquire_error> semaphore::acquire_for(std::chrono::duration<Rep, Period> d,
                                                                       std::size_t count) {
    return acquire_by(count, detail::after(d));
}
template <class Clock, class Duration>
std::expected<semaphore::permit, acquire_error> semaphore::acquire_until(std::chrono::time_point<Clock, Duration> t,
                                                                         std::size_t count) {
    return detail::wait_until_clock(
        t, [&](detail::time_point limit) { return acquire_by(count, limit); },
        [](auto const& got) { return !got && got.error() == acquire_error::timed_out; });
}

template <class Rep, class Period>
std::expected<semaphore::permit, acquire_error> semaphore::acquire_owned_for(std::shared_ptr<semaphore> from,
                                                                             std::chrono::duration<Rep, Period> d,
                                                                             std::size_t count) {
    return owned(from->acquire_for(d, count), from);
}
template <class Clock, class Duration>
std::expected<semaphore::permit, acquire_error> semaphore::acquire_owned_until(std::shared_ptr<semaphore> from,
                                                                               std::chrono::time_point<Clock, Duration> t,
                                                                               std::size_t count) {
    return owned(from->acquire_until(t, count), from);
}

// A case of a select (<ramie/select.hpp>): ready when `count` permits can be had at once, or the semaphore is closed. It
// waits in the semaphore's queue like others; a select that goes on by another case leaves its place.
// handler(std::expected<semaphore::permit, acquire_error>).
template <class Handler>
auto on_acquire(semaphore& from, std::size_t count, Handler handler) {
    return detail::want_case(semaphore::wish(from, count), std::move(handler));
}

}  // namespace ramie
