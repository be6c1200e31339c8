// A call whose result comes as a future: by a task, or by whoever asks for it first.
#pragma once

#include <ramie/detail/packed_call.hpp>
#include <ramie/future.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace ramie {

using std::launch;

namespace detail {

// An async's end note. As with std::async, the future is ready when the task has ended, not only its call.
class async_note {
  public:
    explicit async_note(future_core& of) noexcept : of_(&of) {}
    void tell() noexcept { of_->show(); }

  private:
    future_core* of_;
};

// Owned by futures only; the task has a plain pointer to it, because the destructor waits for the task.
template <class T>
class async_state final : public future_state<T> {
  public:
    template <class Call>
    explicit async_state(Call call)
        : task_(spawn_noted(carrier::here("async"), {.where = {}}, async_note(*this),
                            [this, call = std::move(call)]() mutable { this->keep_by(call); })
                    .handle) {}
    ~async_state() override {
        abort_shield whole;
        (void)task_.wait_until(never);
    }

  private:
    join_handle<void> task_;
};

template <class T, class Call>
class deferred_state final : public future_state<T> {
  public:
    explicit deferred_state(Call call) : call_(std::move(call)) {}

  private:
    bool call_deferred() override {
        if (called_.exchange(true, std::memory_order_relaxed)) return false;
        this->set_by(call_);
        return true;
    }
    bool is_deferred() const noexcept override { return !called_.load(std::memory_order_relaxed); }

    std::atomic<bool> called_{false};
    Call call_;
};

}  // namespace detail

// As std::async. launch::async, also together with deferred: a task of this runtime calls f(args...) (no_runtime
// elsewhere). launch::deferred: whoever waits for the future first calls it. Never waits. An exception of `f` is the
// future's; if the task is aborted, or an abort or timeout ends a deferred call, the future says broken_promise.
// Destroying the last future of a task waits for it, shielded from abort. std::system_error (invalid_argument) for a
// policy that is neither.
template <class F, class... Args>
[[nodiscard]] auto async(std::launch policy, F&& f, Args&&... args) {
    auto call = detail::pack_call(std::forward<F>(f), std::forward<Args>(args)...);
    using T = typename decltype(call)::result_type;
    if ((policy & std::launch::async) == std::launch::async)
        return future<T>(std::make_shared<detail::async_state<T>>(std::move(call)));
    if ((policy & std::launch::deferred) == std::launch::deferred)
        return future<T>(std::make_shared<detail::deferred_state<T, decltype(call)>>(std::move(call)));
    throw std::system_error(std::make_error_code(std::errc::invalid_argument), "ramie: async without a launch policy");
}
template <class F, class... Args>
    requires(!std::is_same_v<std::decay_t<F>, std::launch>)
[[nodiscard]] auto async(F&& f, Args&&... args) {
    return ramie::async(std::launch::async, std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace ramie
