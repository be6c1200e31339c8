#include "net/connect_race.hpp"

#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/budget.hpp>
#include <ramie/detail/wait/park.hpp>
#include <ramie/detail/wait/select_case.hpp>

#include <algorithm>
#include <deque>
#include <utility>

namespace ramie::detail {

namespace {

class race {
  public:
    // Without `names`: there are no more addresses than `to`.
    race(std::vector<endpoint> to, name_questions* names, connect_options const& options, interest_set& watch)
        : self_(waiter::self()), to_(std::move(to)), names_(names), options_(options), watch_(watch) {}

    std::expected<owned_descriptor, std::error_code> run() {
        for (;;) {
            bool any_under_way = false;
            for (auto& each : attempts_) {
                if (each.how() == connecting::state::failed) continue;
                auto const how = each.ask();
                if (how == connecting::state::connected) return each.take();
                if (how == connecting::state::failed) next_at_ = time_point{};
                else any_under_way = true;
            }
            if (names_ != nullptr) learn();
            if (attempts_.size() < to_.size() && (!any_under_way || next_at_ <= carrier::now())) {
                attempts_.emplace_back(to_[attempts_.size()], options_, watch_);
                next_at_ = after(options_.stagger);
            } else if (any_under_way || more_may_come()) {
                wait();
            } else {
                return std::unexpected(attempts_.empty() ? names_->error() : attempts_.front().error());
            }
        }
    }

  private:
    bool more_may_come() const noexcept { return names_ != nullptr && !names_->is_over(); }

    // New addresses are mixed with those not tried yet, so that the families take turns, beginning with the one that
    // was not tried last.
    void learn() {
        auto const known_before = to_.size();
        names_->look(to_);
        if (to_.size() == known_before) return;
        auto const rest = std::span(to_).subspan(attempts_.size());
        if (!attempts_.empty()) {
            bool const last_was_v6 = to_[attempts_.size() - 1].is_v6();
            auto const other = std::ranges::find_if(rest, [&](auto const& e) { return e.is_v6() != last_was_v6; });
            if (other != rest.end()) std::rotate(rest.begin(), other, other + 1);
        }
        std::ranges::copy(interleaved(rest), rest.begin());
    }

    // Until something may have happened to an attempt, or the next one is due, or more addresses are known. Done as in
    // a select (detail/select/selection.hpp).
    void wait() {
        auto const g = self_.state.generation();
        auto const names = more_may_come() ? names_ : nullptr;
        auto e = names != nullptr ? names->enlist(self_, g) : enlisting::queued;
        std::size_t asked = 0;
        for (; asked < attempts_.size() && e == enlisting::queued; ++asked) {
            if (is_under_way(attempts_[asked]) && !attempts_[asked].enlist(self_, g))
                e = claim_for_itself(self_, g) ? enlisting::won : enlisting::lost;
        }
        auto limit = attempts_.size() < to_.size() ? next_at_ : never;
        if (names != nullptr) limit = std::min(limit, names->limit());
        wait_end const end = e == enlisting::queued ? park(self_, g, {"connect", this}, nullptr, limit)
                                                    : wait_end(task_state::outcome::woken, nullptr);
        for (std::size_t i = 0; i < asked; ++i) {
            if (is_under_way(attempts_[i])) attempts_[i].withdraw();
        }
        if (names != nullptr) names->withdraw();
        if (!end.woken()) end.raise();
    }
    static bool is_under_way(connecting const& c) noexcept { return c.how() == connecting::state::under_way; }

    waiter& self_;
    std::vector<endpoint> to_;
    name_questions* const names_;
    connect_options const& options_;
    interest_set& watch_;
    std::deque<connecting> attempts_;  // a deque, because nodes inside the attempts are queued
    time_point next_at_{};  // when the next address is tried even if an attempt is under way
};

}  // namespace

std::expected<owned_descriptor, std::error_code> connect_race(std::span<endpoint const> to,
                                                              connect_options const& options, interest_set& watch) {
    (void)waiter::enter(fiber_budget::system_call);
    return race({to.begin(), to.end()}, nullptr, options, watch).run();
}

std::expected<owned_descriptor, std::error_code> connect_race(name_questions& names, connect_options const& options,
                                                              interest_set& watch) {
    (void)waiter::enter(fiber_budget::system_call);
    return race({}, &names, options, watch).run();
}

std::vector<endpoint> interleaved(std::span<endpoint const> addresses) {
    std::vector<endpoint> result;
    result.reserve(addresses.size());
    if (addresses.empty()) return result;
    bool const first = addresses.front().is_v6();
    std::size_t at[2] = {0, 0};  // how far the first address's family has come, and how far the other
    auto const next = [&](std::size_t which) {
        auto& i = at[which];
        while (i < addresses.size() && (addresses[i].is_v6() == first) != (which == 0)) ++i;
        if (i < addresses.size()) result.push_back(addresses[i++]);
    };
    while (result.size() < addresses.size()) {
        next(0);
        next(1);
    }
    return result;
}

}  // namespace ramie::detail
