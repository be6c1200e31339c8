// The right to a task's result, and the right to ask it to stop.
#pragma once

#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/task/task_frame.hpp>
#include <ramie/detail/wait/select_case.hpp>
#include <ramie/error.hpp>
#include <ramie/this_fiber.hpp>

#include <chrono>
#include <expected>
#include <string_view>
#include <utility>

namespace ramie {

// Asks one task to stop, and looks at it; cannot take its result. Copyable, usable from fibers and plain threads.
class abort_handle {
  public:
    abort_handle() = default;
    abort_handle(abort_handle const& other) noexcept : abort_handle(other.task_) {}
    abort_handle(abort_handle&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
    abort_handle& operator=(abort_handle other) noexcept {
        std::swap(task_, other.task_);
        return *this;
    }
    ~abort_handle() {
        if (task_) task_->unref();
    }

    // See join_handle::abort. Does nothing on an empty handle.
    void abort() const {
        if (task_) task_->abort();
    }
    bool is_finished() const noexcept { return !task_ || task_->state.is_finished(); }
    task_id id() const noexcept { return task_ ? task_->id() : 0; }
    // Empty if it has none. Valid as long as this handle.
    std::string_view name() const noexcept { return task_ ? task_->name() : std::string_view(); }

  private:
    friend detail::access;
    explicit abort_handle(detail::task* t) noexcept : task_(t) {
        if (task_) task_->ref();
    }
    detail::task& held() const noexcept { return *task_; }

    detail::task* task_ = nullptr;
};

// What spawn returns. Move-only. Destroying it detaches: the task goes on, and its result is dropped (an exception that
// no handle can receive any more goes to runtime_options::on_task_failure). Works from fibers and from plain threads;
// one thread or fiber at a time: while one waits in a join, wait, timed wait or select for it, another that tries the
// same is refused by std::logic_error.
template <class T>
class [[nodiscard]] join_handle {
  public:
    using value_type = T;

    join_handle() = default;
    join_handle(join_handle&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
    join_handle& operator=(join_handle&& other) noexcept {
        if (this != &other) {
            detach();
            task_ = std::exchange(other.task_, nullptr);
        }
        return *this;
    }
    ~join_handle() { detach(); }

    // Waits for the task's end and takes its value, or why there is none. Suspension point; an aborted joiner keeps its
    // handle valid. std::logic_error: joined already, being joined, or joining oneself.
    [[nodiscard]] std::expected<T, join_error> join() {
        detail::join(held());
        return take();
    }

    // As join, but throws: the task's own exception, or the join_error if it was aborted.
    T get() {
        detail::join(held());
        receiving const done{*this};
        if (task_->kind != detail::result_kind::value) task_->error().rethrow();
        return task_->take_value();
    }

    // Waits for the task's end; its result stays. Suspension point.
    void wait() { (void)detail::join(held()); }
    // Waits at the longest that long; true: it has finished, and join() will not wait. Suspension point.
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) {
        return detail::join(held(), detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> t) {
        auto& joined = held();
        return detail::wait_until_clock(t, [&](detail::time_point limit) { return detail::join(joined, limit); });
    }

    // Asks the task to stop: a parked task's wait throws ramie::aborted, a running one's next suspension point does,
    // one that has not started never runs. Its stop_token is requested: the std::stop_callbacks run here, and must not wait
    // (stop_token.hpp). Does not wait; does nothing to a finished task.
    void abort() { held().abort(); }

    // Asks it to stop and waits until it has. The value it may have produced all the same is what is returned. If the
    // caller is aborted meanwhile, the handle stays valid.
    std::expected<T, join_error> abort_and_join() {
        abort();
        return join();
    }

    [[nodiscard]] class abort_handle abort_handle() const {
        return detail::access::make<ramie::abort_handle>(&held());
    }
    [[nodiscard]] bool is_finished() const { return held().state.is_finished(); }
    [[nodiscard]] task_id id() const { return held().id(); }
    [[nodiscard]] std::string_view name() const { return held().name(); }
    // False once joined, detached or moved from.
    [[nodiscard]] bool valid() const noexcept { return task_ != nullptr; }
    // Lets the task go on by itself.
    void detach() noexcept {
        if (task_) std::exchange(task_, nullptr)->drop_handle();
    }

  private:
    friend detail::access;
    explicit join_handle(detail::task_of<T>* t) noexcept : task_(t) {}  // takes over the handle's reference
    detail::task& held() const {
        if (!task_) detail::refuse_empty("join_handle", "it was joined, detached or moved from");
        return *task_;
    }

    // However receiving ends (a value's move may throw), the result was received.
    struct receiving {
        join_handle& by;
        ~receiving() { by.release(); }
    };

    std::expected<T, join_error> take() {
        receiving const done{*this};
        if (task_->kind != detail::result_kind::value) return std::unexpected(task_->error());
        if constexpr (std::is_void_v<T>) {
            task_->take_value();
            return {};
        } else {
            return std::expected<T, join_error>(std::in_place, task_->take_value());
        }
    }

    // The result was received: what is left of it (an exception) goes silently.
    void release() noexcept {
        task_->forget_failure();
        std::exchange(task_, nullptr)->release_handle();
    }

    detail::task_of<T>* task_ = nullptr;
};

namespace detail {

template <class T, class Handler>
class join_case {
  public:
    join_case(join_handle<T>& handle, task& which, Handler handler)
        : handle_(handle), task_(which), handler_(std::move(handler)) {}

    bool poll() const noexcept { return task_.state.is_finished(); }
    enlisting enlist(waiter& self, std::uint64_t g) {
        shown_ = show_joiner(task_, self, g);
        if (shown_) return enlisting::queued;
        return claim_for_itself(self, g) ? enlisting::won : enlisting::lost;
    }
    bool withdraw() noexcept { return shown_ && take_back_joiner(task_); }
    time_point limit() const noexcept { return never; }
    void complete() {
        auto result = [&] {
            abort_shield whole;  // it has won: an abort comes at the next abort point
            return handle_.join();
        }();
        handler_(std::move(result));
    }

  private:
    join_handle<T>& handle_;
    task& task_;
    Handler handler_;
    bool shown_ = false;
};

}  // namespace detail

// A case of a select (<ramie/select.hpp>): ready when the task has finished; then it is joined. A handle whose case loses
// stays joinable. One select may name a handle once. handler(std::expected<T, join_error>). std::logic_error: joined already,
// one's own handle, or a handle that is named twice or waited for elsewhere (from the select).
template <class T, class Handler>
auto on_join(join_handle<T>& handle, Handler handler) {
    return detail::join_case<T, Handler>(handle, detail::access::held(handle), std::move(handler));
}

}  // namespace ramie
