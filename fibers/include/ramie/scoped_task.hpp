// A join_handle that does not let its task outlive it.
#pragma once

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/this_fiber.hpp>

#include <chrono>
#include <utility>

namespace ramie {

// Aborts and joins its task when destroyed, so the task may borrow objects that outlive this one. The destructor waits
// shielded, also while the owner is being aborted.
//
//     ramie::scoped_task<int> task(ramie::spawn([&] { return use(local); }));
template <class T>
class [[nodiscard]] scoped_task {
  public:
    scoped_task() = default;
    explicit scoped_task(join_handle<T>&& handle) noexcept : handle_(std::move(handle)) {}
    scoped_task(scoped_task&&) noexcept = default;
    scoped_task& operator=(scoped_task&& other) {
        if (this != &other) {
            end();
            handle_ = std::move(other.handle_);
        }
        return *this;
    }
    ~scoped_task() { end(); }

    // See join_handle. Suspension points.
    [[nodiscard]] std::expected<T, join_error> join() { return handle_.join(); }
    T get() { return handle_.get(); }
    void wait() { handle_.wait(); }
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) {
        return handle_.wait_for(d);
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> t) {
        return handle_.wait_until(t);
    }
    void abort() { handle_.abort(); }
    [[nodiscard]] bool is_finished() const { return handle_.is_finished(); }
    [[nodiscard]] bool valid() const noexcept { return handle_.valid(); }
    join_handle<T>& handle() noexcept { return handle_; }
    // Gives the task up: it may outlive this object.
    [[nodiscard]] join_handle<T> release() noexcept { return std::move(handle_); }

  private:
    void end() {
        if (!handle_.valid()) return;
        if (detail::home_process::is_here()) {  // in a child it never ends
            abort_shield const whole;
            handle_.abort();
            handle_.wait();
        }
        handle_.detach();  // a failure is reported like any that no handle receives
    }

    join_handle<T> handle_;
};

}  // namespace ramie
