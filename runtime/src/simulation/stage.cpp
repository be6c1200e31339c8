#include <ramie/detail/simulation/stage.hpp>

#include <ramie/detail/switch/lane.hpp>

#include <stdexcept>
#include <utility>

namespace ramie::detail {

using namespace std::chrono_literals;

// All that is due is called, in the order of its times, at its own time.
void stage::advance_to(time_point t) {
    while (!later_.empty() && later_.begin()->first <= t) {
        auto next = later_.extract(later_.begin());
        now_ = std::max(now_, next.key());
        next.mapped()();
    }
    now_ = std::max(now_, t);
}

// Machines stop for a moment now and then; what was to happen meanwhile is late.
std::chrono::nanoseconds stage::turn_time() {
    constexpr std::uint32_t often = 56;
    auto const way = choices.choose(often + 8);
    if (way < often) return 1us;
    constexpr std::chrono::nanoseconds slow[] = {20us, 100us, 500us, 1ms, 3ms, 10ms, 30ms, 100ms};
    return slow[way - often];
}

// With a small budget a task lets others run in the middle of operations that need not wait, as when the system takes
// its processor away.
std::optional<std::uint32_t> stage::turn_budget() {
    constexpr std::uint32_t often = 8;
    auto const way = choices.choose(often + 8);
    if (way < often) return std::nullopt;
    return way - often;
}

void stage::spawned(task& t, char const* verb) {
    auto const node = spawns_for_.value_or(current_node());
    if (node != 0) {
        if (nodes_.size() <= t.id()) nodes_.resize(t.id() + 1);
        nodes_[t.id()] = node;
    }
    note(name_of(t).text, " is ", verb);
}

task& stage::choose_task() {
    auto const which = choices.choose(static_cast<std::uint32_t>(runnable_.size()));
    auto& chosen = *runnable_[which];
    runnable_.erase(runnable_.begin() + which);
    return chosen;
}

void stage::drop_entries() noexcept {
    for (auto* const t : std::exchange(runnable_, {})) t->unref();
}

void stage::runs(task const& t) {
    ++turns_;
    note(name_of(t).text, t.stack != nullptr ? " goes on" : " starts");
}

stage::node_id stage::current_node() const noexcept {
    auto const& self = waiter::self();
    return self.is_fiber() ? node_of(static_cast<task const&>(self).id()) : node_id{0};
}

void stage::fail(failing how, std::string why) {
    note("the run fails: ", why);
    if (!failed_) failed_ = failure{how, std::move(why)};
}

void refuse_in_simulation(char const* verb, char const* instead) {
    throw std::logic_error(std::string("ramie: ") + verb + " in a simulation is refused: " + instead);
}

}  // namespace ramie::detail
