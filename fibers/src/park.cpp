#include <ramie/detail/park.hpp>

#include "wait.hpp"

#include <new>

namespace ramie::detail {

void wait_end::raise() const {
    if (how_ == task_state::outcome::aborted) throw aborted{};
    if (how_ == task_state::outcome::deadline && no_timer_) throw std::bad_alloc();
    if (how_ == task_state::outcome::deadline && scope_ != nullptr) throw deadline_passed(scope_);
}

wait_end park(waiter& self, std::uint64_t g, wait_reason why, word_lock* held, time_point limit) {
    return wait(self, g, why, held, limit, [](lane*) { return before_park{}; });
}

}  // namespace ramie::detail
