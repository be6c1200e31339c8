// A value made once, by the first caller that needs it; making it may wait and may fail.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/wait/waiter.hpp>
#include <ramie/mutex.hpp>

#include <cstdint>
#include <expected>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace ramie {

enum class set_error : std::uint8_t {
    already_set,
    initialising  // another caller is making the value right now
};

// While one caller makes the value, the others wait; if it fails (an exception, an abort, an unexpected), the next of
// them tries. Reading a value that is there is one load. From fibers and plain threads.
template <class T>
class once_cell {
  public:
    constexpr once_cell() = default;
    constexpr explicit once_cell(T value) : value_(std::move(value)), ready_(true) {}
    once_cell(once_cell const&) = delete;
    once_cell& operator=(once_cell const&) = delete;
    // Dies with a message if a fiber or thread waits.
    ~once_cell() = default;

    // Null: there is none yet. Never waits.
    [[nodiscard]] T* get() noexcept { return is_set() ? std::addressof(*value_) : nullptr; }
    [[nodiscard]] T const* get() const noexcept { return is_set() ? std::addressof(*value_) : nullptr; }
    // acquire pairs with the release in keep().
    [[nodiscard]] bool is_set() const noexcept { return ready_.load(std::memory_order_acquire); }

    // Never waits. On an error the value is not moved from.
    std::expected<void, set_error> set(T&& value) {
        if (is_set()) return std::unexpected(set_error::already_set);
        std::unique_lock const making(gate_, std::try_to_lock);
        if (!making) return std::unexpected(is_set() ? set_error::already_set : set_error::initialising);
        if (is_set()) return std::unexpected(set_error::already_set);
        keep(std::move(value));
        return {};
    }
    std::expected<void, set_error> set(T const& value) { return set(T(value)); }

    // The value; if there is none, f() makes it. An exception of f comes out of the call that ran it, and the next
    // caller tries. Suspension point unless the value is there. std::system_error (resource_deadlock_would_occur) if f
    // asks for the same value.
    template <class F>
    T& get_or_init(F&& f) {
        if (is_set()) return *value_;
        std::unique_lock making(gate_);
        if (is_set()) return *value_;
        auto&& made = detail::invoke(std::forward<F>(f));
        keep(std::forward<decltype(made)>(made));
        making.unlock();  // before the rest of `made` is destroyed
        return *value_;
    }
    // The same for an f that returns std::expected<T, E>; gives std::expected<T*, E>.
    template <class F>
    auto get_or_try_init(F&& f) -> std::expected<T*, typename std::invoke_result_t<F>::error_type> {
        if (is_set()) return std::addressof(*value_);
        std::unique_lock making(gate_);
        if (is_set()) return std::addressof(*value_);
        auto made = detail::invoke(std::forward<F>(f));
        if (made) keep(*std::move(made));
        making.unlock();  // before the rest of `made` is destroyed
        if (!made) return std::unexpected(std::move(made).error());
        return std::addressof(*value_);
    }

    // Takes the value out: the cell is empty again. No other fiber or thread may use the cell meanwhile.
    std::optional<T> take() {
        std::optional<T> taken;
        if (!is_set()) return taken;
        taken = std::move(value_);
        ready_.store(false, std::memory_order_relaxed);
        value_.reset();
        return taken;
    }

  private:
    struct gate : mutex {
        ~gate() { assert_unwaited("once_cell"); }
        void lock() { (void)lock_limited(detail::waiter::self(), detail::never, "once_cell"); }
    };

    template <class V>
    void keep(V&& value) {
        value_.emplace(std::forward<V>(value));
        ready_.store(true, std::memory_order_release);  // pairs with the acquire in is_set()
    }

    std::optional<T> value_;
    detail::atomic<bool> ready_{false};
    gate gate_;
};

}  // namespace ramie
