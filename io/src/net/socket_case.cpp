#include <ramie/detail/net/socket_case.hpp>

#include "call/operation.hpp"
#include "call/socket_call.hpp"
#include "net/accept_attempt.hpp"
#include "ready/interest_set.hpp"
#include "ready/shortage.hpp"

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/this_fiber.hpp>

#include <algorithm>

namespace ramie::detail {

socket_case::~socket_case() {
    if (used_ != nullptr) used_->end_use();
}

template <class Attempt>
bool socket_case::look(bool unasked, std::error_code& error, Attempt&& attempt) {
    if (used_ == nullptr) {
        auto* const d = on_.get();
        if (d == nullptr || !d->begin_use()) {
            error = closed_before();
            return true;
        }
        used_ = d;
    }
    auto const noted = used_->readiness.look();
    bool const ready = (noted.ready(towards_) || unasked) && !pausing();
    if (noted.is_closed() || (noted.is_unwatched() && !ready)) {
        error = std::make_error_code(std::errc::operation_canceled);
        return true;
    }
    if (!ready) return false;
    try_again_ = never;
    if (attempt(*used_)) return true;
    if (!pausing()) used_->readiness.clear(towards_, noted);
    return false;
}

bool socket_case::pausing() const noexcept { return try_again_ != never && carrier::now() < try_again_; }

void socket_case::pause_for_a_while() noexcept {
    shortage::of_process().count_pause();
    pause_ = std::clamp(pause_ * 2, shortage::first_pause, shortage::longest_pause);
    try_again_ = after(pause_);
}

enlisting socket_case::enlist(waiter& self, std::uint64_t g) noexcept {
    node_.emplace(self, g);
    // During a pause the known readiness is of no use.
    if (used_->readiness.enlist(towards_, *node_, try_again_ != never)) return enlisting::queued;
    return claim_for_itself(self, g) ? enlisting::won : enlisting::lost;
}

bool socket_case::withdraw() noexcept { return used_->readiness.withdraw(towards_, *node_); }

bool accept_attempts::try_it(bool unasked) {
    std::error_code error;
    bool const over = look(unasked, error, [&](descriptor& d) {
        auto accepted = accept_attempt(d.fd(), d.watched_by());
        if (accepted) {
            result_.emplace(std::move(*accepted));
            return true;
        }
        if (accepted.error() == std::errc::operation_would_block) return false;
        if (is_shortage(accepted.error())) {
            pause_for_a_while();
            return false;
        }
        error = accepted.error();
        return true;
    });
    if (error) result_.emplace(std::unexpected(error));
    return over;
}

bool readiness_attempts::try_it(bool unasked) {
    return look(unasked, error_, [&](descriptor& d) { return socket_call::is_ready(d.fd(), towards_) != 0; });
}

std::expected<void, std::error_code> readiness_attempts::result() const {
    if (error_) return std::unexpected(error_);
    return {};
}

void let_others_have_their_share() {
    auto* const here = carrier::this_lane();
    if (here != nullptr && here->current != nullptr && here->spend(fiber_budget::system_call)) here->yield();
}

}  // namespace ramie::detail
