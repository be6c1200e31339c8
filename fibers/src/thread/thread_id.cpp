#include <ramie/this_thread.hpp>

#include <ramie/detail/wait/thread_waiter.hpp>

namespace ramie {

std::string to_string(thread_id id) {
    if (id.number_ == 0) return "no thread";
    auto const number = std::to_string(id.number_ / 2);
    return id.number_ % 2 == 0 ? number : "thread " + number;
}

thread_id this_thread::get_id() noexcept {
    auto& self = detail::waiter::self();
    if (self.is_fiber()) return thread_id::of_task(static_cast<detail::task&>(self).id());
    return thread_id::of_plain_thread(static_cast<detail::thread_waiter&>(self).number());
}

}  // namespace ramie
