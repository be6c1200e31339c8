// A call whose result comes as a future: made by a task, or by the first caller that waits for the future.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/future.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

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

// The callable of an async's task.
template <class Call>
class async_call {
  public:
    using value_type = void;
    template <class... Parts>
    explicit async_call(future_state<typename Call::result_type>& to, Parts&&... parts)
        : to_(to), call_(std::forward<Parts>(parts)...) {}
    void operator()(task&) { to_.keep_by(call_); }

  private:
    future_state<typename Call::result_type>& to_;
    Call call_;
};

// Only futures own it; the task has a plain pointer to it, because the destructor waits for the task.
template <class Call>
class async_state final : public future_state<typename Call::result_type> {
  public:
    template <class... Parts>
    explicit async_state(spawn_terms terms, Parts&&... parts)
        : task_(spawn_request<>(carrier::here("async"), terms)
                    .template make<async_call<Call>>(async_note(*this), *this, std::in_place,
                                                     std::forward<Parts>(parts)...)
                    .handle) {}
    ~async_state() override {
        abort_shield whole;
        (void)task_.wait_until(never);
    }

  private:
    join_handle<void> task_;
};

template <class Call>
class deferred_state final : public future_state<typename Call::result_type> {
  public:
    template <class... Parts>
    explicit deferred_state(std::in_place_t, Parts&&... parts) : call_(std::in_place, std::forward<Parts>(parts)...) {}

  private:
    bool call_deferred() override {
        if (called_.exchange(true, std::memory_order_relaxed)) return false;
        this->set_by(call_);
        return true;
    }
    bool is_deferred() const noexcept override { return !called_.load(std::memory_order_relaxed); }

    atomic<bool> called_{false};
    Call call_;
};

template <class F, class... Args>
auto async_by(std::launch policy, spawn_terms terms, F&& f, Args&&... args) {
    using call = std_call_of<F, Args...>;
    using result = future<typename call::result_type>;
    if constexpr (std_call_can_be_kept<F, Args...>()) {
        if ((policy & std::launch::async) == std::launch::async)
            return access::make<result>(
                std::make_shared<async_state<call>>(terms, std::forward<F>(f), std::forward<Args>(args)...));
        if ((policy & std::launch::deferred) == std::launch::deferred)
            return access::make<result>(
                std::make_shared<deferred_state<call>>(std::in_place, std::forward<F>(f), std::forward<Args>(args)...));
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                "ramie: async without a launch policy");
    } else {
        return result();
    }
}

// async(f, args...), or async(policy, f, args...).
template <class F, class... Args>
auto async_here(spawn_terms terms, F&& f, Args&&... args) {
    if constexpr (std::is_same_v<std::decay_t<F>, std::launch>) return async_by(f, terms, std::forward<Args>(args)...);
    else return async_by(std::launch::async, terms, std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace detail

// async(f, args...), async(policy, f, args...), both also with task_options first: as std::async. launch::async, also
// together with deferred: a task of this runtime calls f(args...) (no_runtime elsewhere); it knows the place of the
// call. launch::deferred: the first caller that waits for the future calls f, and options are not used. async itself
// never waits. An exception of `f` goes to the future; if the task is aborted, or an abort or timeout ends a deferred
// call, the future says broken_promise. Destroying the last future of a task waits for that task, shielded from abort.
// std::system_error (invalid_argument) for a policy that is neither.
RAMIE_NODISCARD_SPAWN_FORMS(async, detail::async_here)

}  // namespace ramie
