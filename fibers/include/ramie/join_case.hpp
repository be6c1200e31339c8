// A task's end as a case of a select.
#pragma once

#include <ramie/join_handle.hpp>
#include <ramie/select.hpp>
#include <ramie/this_fiber.hpp>

#include <expected>
#include <utility>

namespace ramie {

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

// Ready when the task has finished; then it is joined. A handle whose case loses stays joinable. One select may name a
// handle once. handler(std::expected<T, join_error>). std::logic_error: joined already, one's own handle, or a handle that
// is named twice or waited for elsewhere (from the select).
template <class T, class Handler>
auto on_join(join_handle<T>& handle, Handler handler) {
    return detail::join_case<T, Handler>(handle, handle.block(), std::move(handler));
}

}  // namespace ramie
