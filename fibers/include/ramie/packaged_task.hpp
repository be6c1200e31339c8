// A callable; the result of its call goes to a future.
#pragma once

#include <ramie/detail/ground/call_signature.hpp>
#include <ramie/detail/ground/unique_call.hpp>
#include <ramie/promise.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace ramie {

template <class Signature>
class packaged_task;

// As std::packaged_task. A call is a suspension point if the function has one. If an abort or a timeout ends the call,
// it goes on to the caller, and the future says broken_promise. From fibers and plain threads.
template <class R, class... Args>
class packaged_task<R(Args...)> {
  public:
    packaged_task() noexcept = default;
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, packaged_task>)
    explicit packaged_task(F&& f)
        : function_(std::forward<F>(f)), state_(std::make_shared<detail::future_state<R>>()) {}
    // That allocator serves the function, and the state that task and future share. (Not the state that reset() makes.)
    template <class F, class Allocator>
    packaged_task(std::allocator_arg_t, Allocator const& a, F&& f)
        : function_([kept = std::allocate_shared<std::decay_t<F>>(a, std::forward<F>(f))](Args... args) -> R {
              if constexpr (std::is_void_v<R>) (void)detail::invoke(*kept, std::forward<Args>(args)...);
              else return detail::invoke(*kept, std::forward<Args>(args)...);
          }),
          state_(std::allocate_shared<detail::future_state<R>>(a)) {}
    packaged_task(packaged_task&&) noexcept = default;
    packaged_task& operator=(packaged_task&& other) noexcept {
        packaged_task(std::move(other)).swap(*this);
        return *this;
    }
    ~packaged_task() { abandon(); }
    void swap(packaged_task& other) noexcept {
        std::swap(function_, other.function_);
        state_.swap(other.state_);
        std::swap(called_, other.called_);
    }
    friend void swap(packaged_task& a, packaged_task& b) noexcept { a.swap(b); }

    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
    // std::future_error: future_already_retrieved, no_state.
    [[nodiscard]] future<R> get_future() {
        auto state = held();
        state->retrieve();
        return detail::access::make<future<R>>(std::move(state));
    }
    // std::future_error: promise_already_satisfied (called before), no_state.
    void operator()(Args... args) {
        auto const state = begin_call();
        state->set_by([&]() -> R { return function_(std::forward<Args>(args)...); });
    }
    // The same, but the future is ready only when the running task, job or plain thread has ended; see promise.
    void make_ready_at_thread_exit(Args... args) {
        detail::show_at_end<R> later(held());
        auto const state = begin_call();
        try {
            state->keep_by([&]() -> R { return function_(std::forward<Args>(args)...); });
        } catch (...) {
            state->abandon();  // an abort or a timeout; it is thrown on
            throw;
        }
        later.enlist();
    }
    // Prepares for another call, with a new future. If the old future got nothing, it says broken_promise.
    void reset() {
        (void)held();
        auto fresh = std::make_shared<detail::future_state<R>>();
        abandon();
        state_ = std::move(fresh);
        called_ = false;
    }

  private:
    std::shared_ptr<detail::future_state<R>> begin_call() {
        auto state = held();
        if (std::exchange(called_, true)) detail::throw_future_error(std::future_errc::promise_already_satisfied);
        return state;
    }
    void abandon() noexcept {
        if (state_ && state_->was_retrieved()) state_->abandon();
    }
    std::shared_ptr<detail::future_state<R>> held() const {
        if (!state_) detail::throw_future_error(std::future_errc::no_state);
        return state_;
    }

    detail::unique_call<R(Args...)> function_;
    std::shared_ptr<detail::future_state<R>> state_;
    bool called_ = false;
};

template <class R, class... Args>
packaged_task(R (*)(Args...)) -> packaged_task<R(Args...)>;
template <class F>
packaged_task(F) -> packaged_task<detail::call_signature<F>>;

}  // namespace ramie

template <class R, class... Args, class Allocator>
struct std::uses_allocator<ramie::packaged_task<R(Args...)>, Allocator> : std::true_type {};
