// A semaphore as a case of a select.
#pragma once

#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>

#include <expected>
#include <mutex>
#include <utility>

namespace ramie {

namespace detail {

template <class Handler>
class acquire_case : public queued_case {
    using grant = semaphore::grant;

  public:
    acquire_case(semaphore& from, std::size_t count, Handler handler)
        : from_(from), count_(count), handler_(std::move(handler)) {}

    bool poll() {
        std::lock_guard const held(from_.guard_);
        got_ = from_.take(count_);
        return got_ != grant::would_wait;
    }
    enlisting enlist(waiter& self, std::uint64_t g) {
        std::lock_guard const held(from_.guard_);
        bool const ready = from_.closed_ || (from_.queue_.empty() && from_.permits_ >= count_);
        if (!ready) {
            queue_in(from_.queue_, self, g, &count_);
            return enlisting::queued;
        }
        if (!claim_for_itself(self, g)) return enlisting::lost;
        got_ = from_.take(count_);
        return enlisting::won;
    }
    bool withdraw() noexcept {
        if (!node_) return false;
        woken_list woken;
        std::lock_guard const held(from_.guard_);
        from_.queue_.remove(*node_);
        if (!node_->fired) {
            from_.serve(woken);  // it may have stood before others who want less
            return false;
        }
        got_ = node_->slot == nullptr ? grant::given : grant::closed;
        return true;
    }
    void complete() {
        if (got_ == grant::given) handler_(std::expected<semaphore::permit, acquire_error>(semaphore::permit(from_, count_)));
        else handler_(std::expected<semaphore::permit, acquire_error>(std::unexpected(acquire_error::closed)));
    }

  private:
    semaphore& from_;
    std::size_t count_;
    Handler handler_;
    grant got_ = grant::would_wait;
};

}  // namespace detail

// Ready when `count` permits can be had at once, or the semaphore is closed. It waits in the semaphore's queue like
// others; a select that goes on by another case leaves its place. handler(std::expected<semaphore::permit,
// acquire_error>).
template <class Handler>
auto on_acquire(semaphore& from, std::size_t count, Handler handler) {
    return detail::acquire_case<Handler>(from, count, std::move(handler));
}

}  // namespace ramie
