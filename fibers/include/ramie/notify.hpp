// A signal without a value: wakes one waiter, or the next to come.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/want.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace ramie {

// notify_one() wakes the longest waiter; if there is no waiter, one permit is kept (never more than one) and the next wait()
// takes it without waiting. A notification that reached a waiter is not lost to an abort: either that waiter returns
// normally, or the next one (or the permit) gets it. From fibers and plain threads.
class notify {
  public:
    class listener;

    constexpr notify() = default;
    notify(notify const&) = delete;
    notify& operator=(notify const&) = delete;
    // Dies with a message if a fiber or thread waits.
    RAMIE_API ~notify();

    RAMIE_API void notify_one() noexcept;
    // As notify_one(), but wakes the waiter that came last.
    RAMIE_API void notify_last() noexcept;
    // Wakes all that wait now, and all that listen; keeps no permit.
    RAMIE_API void notify_all() noexcept;

    // Suspension point.
    void wait() { (void)wait_since(nullptr, detail::never); }
    // False if the time ran out.
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) {
        return wait_since(nullptr, detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> t);

    // From here on a notify_all() is not missed, though the wait comes later:
    //     auto heard = changed.listen();
    //     if (!condition()) heard.wait();
    [[nodiscard]] RAMIE_API listener listen() noexcept;

  private:
    class notification;
    template <class Handler>
    friend auto on_notified(notify& by, Handler handler);
    // `since`: how many notify_all() calls the listener knew of; null: no listener.
    RAMIE_API bool wait_since(std::uint64_t const* since, detail::time_point limit);

    detail::word_lock guard_;
    detail::wait_queue queue_;
    bool permit_ = false;  // under guard_; only while queue_ is empty
    std::uint64_t calls_to_all_ = 0;
};

// What a waiter wants.
class notify::notification : public detail::want {
  public:
    explicit notification(notify& by, std::uint64_t const* since = nullptr) noexcept : by_(by), since_(since) {}
    detail::word_lock& lock() noexcept { return by_.guard_; }
    detail::wait_queue& queue() noexcept { return by_.queue_; }
    bool poll() const noexcept { return by_.permit_ || heard_all(); }
    void take(detail::woken_list&) noexcept {
        if (!heard_all()) by_.permit_ = false;
    }

  private:
    bool heard_all() const noexcept { return since_ != nullptr && *since_ != by_.calls_to_all_; }
    notify& by_;
    std::uint64_t const* since_;
};

// Hears every notify_all() since listen() (tokio's Notified future, from its creation on). The notify must outlive it.
class notify::listener {
  public:
    // Returns at once if there was a notify_all() since, or if a permit is kept. Suspension point.
    void wait() { (void)from_->wait_since(&seen_, detail::never); }
    // False if the time ran out.
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) {
        return from_->wait_since(&seen_, detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_until_clock(
            t, [this](detail::time_point limit) { return from_->wait_since(&seen_, limit); });
    }

  private:
    friend class notify;
    listener(notify& from, std::uint64_t seen) noexcept : from_(&from), seen_(seen) {}
    notify* from_;
    std::uint64_t seen_;
};

template <class Clock, class Duration>
bool notify::wait_until(std::chrono::time_point<Clock, Duration> t) {
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) return wait_since(nullptr, detail::at(t));
    else return listen().wait_until(t);  // it may have to wait again, and hears what comes in between
}

// A case of a select (<ramie/select.hpp>): ready when notified, or when a permit is kept; a select that goes on by another
// case consumes neither. handler().
template <class Handler>
auto on_notified(notify& by, Handler handler) {
    return detail::want_case(notify::notification(by), std::move(handler));
}

}  // namespace ramie
