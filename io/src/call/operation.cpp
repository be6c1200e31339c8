#include "call/operation.hpp"

#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/wait/budget.hpp>

namespace ramie::detail {

operation::operation(owned_descriptor const& on, char const* what) : self_(waiter::enter(fiber_budget::system_call)), what_(what), on_(&on) {
    if (auto* const d = on.get(); d != nullptr && d->begin_use()) used_ = d;
}

std::expected<readiness, std::error_code> operation::wait_ready(direction d, time_point limit) const {
    for (;;) {
        auto const noted = used_->readiness.look();
        if (noted.is_closed() || (noted.is_unwatched() && !noted.ready(d)))
            return std::unexpected(std::make_error_code(std::errc::operation_canceled));
        if (noted.ready(d) || (limit != never && carrier::now() >= limit)) return noted;
        used_->readiness.last().note_owner(on_);
        used_->readiness.wait(self_, d, what_, limit);
    }
}

}  // namespace ramie::detail
