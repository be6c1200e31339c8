#include <ramie/detail/future/future_state.hpp>

#include "switch/ready_exceptions.hpp"

#include <ramie/detail/wait/await.hpp>

#include <mutex>

namespace ramie::detail {

future_core::future_core() { (void)broken_promise(); }

void throw_future_error(std::future_errc why) { throw std::future_error(why); }

void future_core::wait() {
    auto& self = waiter::enter();
    if (is_ready() || call_deferred()) return;
    (void)wait_until_told(guard_, queue_, self, {"future", this}, never, [&] { return is_ready(); });
}

std::future_status future_core::wait_until(time_point limit) {
    auto& self = waiter::enter();
    if (is_ready()) return std::future_status::ready;
    if (is_deferred()) return std::future_status::deferred;
    bool const came = wait_until_told(guard_, queue_, self, {"future", this}, limit, [&] { return is_ready(); });
    return came ? std::future_status::ready : std::future_status::timeout;
}

void future_core::retrieve() {
    if (retrieved_.exchange(true, std::memory_order_relaxed))
        throw_future_error(std::future_errc::future_already_retrieved);
}

bool future_core::begin() noexcept {
    auto expected = stage::empty;
    // acquire pairs with the release in give_up().
    return stage_.compare_exchange_strong(expected, stage::setting, std::memory_order_acquire, std::memory_order_relaxed);
}

void future_core::publish() noexcept {
    woken_list woken;
    {
        std::lock_guard const held(guard_);
        stage_.store(stage::ready, std::memory_order_release);  // pairs with the acquire in is_ready()
        queue_.claim_all(woken);
    }
    woken.resume_all();
}

void future_core::set_exception(std::exception_ptr why) {
    keep_exception(std::move(why));
    publish();
}

void future_core::keep_exception(std::exception_ptr why) {
    if (!begin()) throw_future_error(std::future_errc::promise_already_satisfied);
    failure_ = std::move(why);
}

void future_core::abandon() noexcept {
    if (begin()) give_broken_promise();
}

void future_core::show() noexcept {
    if (begin()) give_broken_promise();
    else publish();
}

void future_core::give_broken_promise() noexcept {
    failure_ = broken_promise();
    publish();
}

}  // namespace ramie::detail
