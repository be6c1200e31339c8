// The standard's semaphores: a number of permits, taken and given one by one.
#pragma once

#include <ramie/semaphore.hpp>

#include <chrono>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>

namespace ramie {

// As std::counting_semaphore, over ramie::semaphore: first come first served, from fibers and plain threads. If a
// waiter's wait ends (abort, timeout) at the moment when it is given a permit, the permit goes to the next waiter; none
// is lost. Destroying the semaphore while a fiber or thread waits ends the process with a message.
template <std::ptrdiff_t LeastMax = std::numeric_limits<std::ptrdiff_t>::max()>
class counting_semaphore {
    static_assert(LeastMax >= 0, "ramie: the maximum of a counting_semaphore cannot be negative");

  public:
    // std::invalid_argument unless 0 <= desired <= max().
    constexpr explicit counting_semaphore(std::ptrdiff_t desired) : permits_(checked(desired)) {}
    counting_semaphore(counting_semaphore const&) = delete;
    counting_semaphore& operator=(counting_semaphore const&) = delete;

    static constexpr std::ptrdiff_t max() noexcept { return LeastMax; }

    // Never waits and is not an abort point. A sum beyond max() breaks the standard's rule, but is counted.
    // std::invalid_argument: a negative count; std::length_error: more than can be counted. In both cases none was
    // added.
    void release(std::ptrdiff_t count = 1) {
        if (count < 0) [[unlikely]] refuse_release(count);
        permits_.release(static_cast<std::size_t>(count));
    }

    // Suspension point. On abort no permit is taken.
    void acquire() { permits_.acquire()->forget(); }
    // Never waits and is not an abort point. Also fails while others wait.
    [[nodiscard]] bool try_acquire() noexcept { return took(permits_.try_acquire()); }
    // False if the time ran out. Suspension points.
    template <class Rep, class Period>
    [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> d) {
        return took(permits_.acquire_for(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_acquire_until(std::chrono::time_point<Clock, Duration> t) {
        return took(permits_.acquire_until(t));
    }

  private:
    static bool took(std::expected<semaphore::permit, acquire_error> permit) noexcept {
        if (permit) permit->forget();
        return permit.has_value();
    }
    static constexpr std::size_t checked(std::ptrdiff_t desired) {
        if (desired < 0 || desired > max()) refuse(desired);
        return static_cast<std::size_t>(desired);
    }
    [[noreturn]] static void refuse_release(std::ptrdiff_t count) {
        throw std::invalid_argument("ramie: counting_semaphore::release of " + std::to_string(count) +
                                    "; accepted are 0 and more");
    }
    [[noreturn]] static void refuse(std::ptrdiff_t desired) {
        throw std::invalid_argument("ramie: a counting_semaphore starts with 0 to " + std::to_string(max()) +
                                    " permits, not " + std::to_string(desired));
    }

    semaphore permits_;
};

using binary_semaphore = counting_semaphore<1>;

}  // namespace ramie
