// Shared by a promise and its futures: a result that comes once, and the waiters.
//
//   empty --begin()--> setting --publish()--> ready
//     ^---give_up()-------'        setting: the winner of begin() makes the value, which is user code, outside every
//                                  lock
//
// A result that is to be seen only at a task's or thread's end (async, set_value_at_thread_exit) is `setting` until
// then.
//
// Every user keeps it by std::shared_ptr, so it cannot be destroyed while a fiber or thread waits.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/forced_unwind.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/error.hpp>

#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace ramie::detail {

[[noreturn]] RAMIE_API void throw_future_error(std::future_errc why);

class future_core {
  public:
    RAMIE_API future_core();
    future_core(future_core const&) = delete;
    future_core& operator=(future_core const&) = delete;
    virtual ~future_core() = default;

    // --- the future's side ---
    // Waits for a result; a deferred function is called here. Suspension point.
    RAMIE_API void wait();
    // timeout: `limit` came first. deferred: the function was not called yet, and this call did not call it.
    std::future_status wait_until(time_point limit);

    // --- the promise's side ---
    // Notes that there is a future now; future_already_retrieved if there was one.
    RAMIE_API void retrieve();
    bool was_retrieved() const noexcept { return retrieved_.load(std::memory_order_relaxed); }
    // promise_already_satisfied
    RAMIE_API void set_exception(std::exception_ptr why);
    // The same, but it is not seen before show().
    void keep_exception(std::exception_ptr why);
    // No result will come: broken_promise, unless there is one.
    RAMIE_API void abandon() noexcept;
    // Shows the kept result; if there is none, broken_promise.
    RAMIE_API void show() noexcept;

  protected:
    bool is_ready() const noexcept {
        return stage_.load(std::memory_order_acquire) == stage::ready;  // pairs with the release in publish()
    }
    [[nodiscard]] RAMIE_API bool begin() noexcept;
    // release pairs with the acquire in begin(): the next maker sees the place as the failed one left it.
    void give_up() noexcept { stage_.store(stage::empty, std::memory_order_release); }
    RAMIE_API void publish() noexcept;
    void rethrow_failure() const {
        if (failure_) std::rethrow_exception(failure_);
    }

  private:
    void give_broken_promise() noexcept;
    // For std::launch::deferred. True: the function was called, here; there is a result.
    virtual bool call_deferred() { return false; }
    virtual bool is_deferred() const noexcept { return false; }

    enum class stage : std::uint8_t { empty, setting, ready };
    atomic<stage> stage_{stage::empty};  // `ready` is set under guard_
    atomic<bool> retrieved_{false};
    word_lock guard_;
    wait_queue queue_;

  protected:
    std::exception_ptr failure_;  // written while `setting`
};

template <class T>
class future_state : public future_core {
    static_assert(!std::is_array_v<T> && !std::is_function_v<T>, "ramie: a future cannot hold an array or a function");

  public:
    // promise_already_satisfied. Nothing is set if making the value throws.
    template <class... Parts>
    void set_value(Parts&&... parts) {
        keep_value(std::forward<Parts>(parts)...);
        publish();
    }
    // The same, but it is not seen before show().
    template <class... Parts>
    void keep_value(Parts&&... parts) {
        if (!begin()) throw_future_error(std::future_errc::promise_already_satisfied);
        try {
            if constexpr (std::is_reference_v<T>) value_.emplace(std::addressof(parts)...);
            else value_.emplace(std::forward<Parts>(parts)...);
        } catch (...) {
            give_up();
            throw;
        }
    }

    // The result of call(), or its exception. An abort, a timeout or pthread_exit that ends the call goes on to the
    // caller, because it is meant for the caller; the future gets a broken promise.
    template <class Call>
    void set_by(Call&& call) {
        try {
            if constexpr (std::is_void_v<T>) {
                call();
                set_value();
            } else {
                set_value(call());
            }
        } catch (aborted const&) {
            abandon();
            throw;
        } catch (deadline_passed const&) {
            abandon();
            throw;
        } catch (forced_unwind const&) {
            abandon();
            throw;
        } catch (...) {
            set_exception(std::current_exception());
        }
    }

    // The same, but the result is not seen before show().
    template <class Call>
    void keep_by(Call&& call) {
        if (!begin()) return;
        try {
            if constexpr (std::is_void_v<T>) call();
            else if constexpr (std::is_reference_v<T>) value_.emplace(std::addressof(call()));
            else value_.emplace(call());
        } catch (aborted const&) {
            give_up();
            throw;
        } catch (deadline_passed const&) {
            give_up();
            throw;
        } catch (forced_unwind const&) {
            give_up();
            throw;
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    // Once it is ready; only once. Rethrows.
    T take() {
        rethrow_failure();
        if constexpr (std::is_reference_v<T>) return static_cast<T>(**value_);
        else if constexpr (!std::is_void_v<T>) return std::move(*value_);
    }
    // Once it is ready; any number of times.
    using looked_at = std::conditional_t<std::is_void_v<T>, void, std::add_lvalue_reference_t<T const>>;
    looked_at look() const {
        rethrow_failure();
        if constexpr (std::is_reference_v<T>) return static_cast<T>(**value_);
        else if constexpr (!std::is_void_v<T>) return *value_;
    }

  private:
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate,
                                      std::conditional_t<std::is_reference_v<T>, std::add_pointer_t<T>, T>>;
    std::optional<stored> value_;  // written while `setting`
};

}  // namespace ramie::detail
