// The end of a runtime (scheduler.hpp describes it step by step).
#include "scheduler.hpp"

#include "dump/dump_watch.hpp"

#include <ramie/detail/simulation/stage.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/wait/refusal.hpp>
#include <ramie/runtime.hpp>

#include <algorithm>
#include <stdexcept>

namespace ramie::detail {

std::vector<std::string> scheduler::shut_down(time_point until) {
    auto const begin = carrier::now();
    ending_.begin();
    live.listen(this);
    bool const asks = stops_.is_over();  // otherwise the tasks with a token are asked already
    live.for_each([&](task& t) {
        if (t.mark_aborted() && asks) stops_.add(t);
    });
    if (asks) stops_.begin();
    // With very many tasks that took long. They get the same time again, or calls with a short limit would never make
    // progress.
    auto const asked = carrier::now();
    bool const all_ended = wait_for_tasks(std::max(until, asked + (asked - begin)));
    live.listen(nullptr);
    // A task that is listed after all have ended was spawned from outside at this moment and is born cancelled: it is
    // no survivor.
    if (!all_ended) {
        auto left = survivors();
        if (!left.empty()) return left;  // otherwise they have ended since
    }
    stops_.join();
    stop_workers();
    blocking_.stop();
    end_dump_watch(*this);
    presence->end();
    return {};
}

bool scheduler::is_over() const noexcept { return live.is_over() && stops_.is_over(); }

bool scheduler::wait_for_tasks(time_point until) {
    if (options.current_thread) {
        if (is_over()) return true;
        current_thread_turn const turn(*this);
        run_here([this] { return is_over(); }, until);
        return is_over();
    }
    return ending_.wait(until, [this] { return is_over(); });
}

void scheduler::something_ended() noexcept {
    ending_.something_ended();
    if (options.current_thread) workers[0].unpark();
}

std::vector<std::string> scheduler::survivors() {
    std::vector<std::string> names;
    live.for_each([&](task& t) {
        auto const phase = t.state.current();
        if (phase == task_state::phase::finished) return;
        auto const* const reason = t.reason.load(std::memory_order_relaxed);
        auto const refused = refusals::of(t);
        names.push_back(std::string(name_of(t).text) +
                        (phase == task_state::phase::unstarted ? ", has not started"
                         : refused.count > refusals::at_once
                             ? std::string(", goes on though ") + refused.what + " was refused " +
                                   std::to_string(refused.count) + " times"
                         : reason != nullptr && refused.count == 0 ? std::string(", waits for ") + reason
                                                                   : ", runs"));
    });
    if (!stops_.is_over()) names.push_back(stops_.survivor());
    return names;
}

void scheduler::stop_workers() noexcept {
    ending_.wait_for_posts();
    stopping.store(true, std::memory_order_release);  // pairs with the acquire in worker::should_stop()
    for (auto& w : workers) w->unpark();
    threads_.clear();
    watchdog.stop();
    spares.stop();
    // Stale entries still hold references to their tasks.
    for (auto& w : workers) w->drop_entries();
    while (auto* const t = injected.pop()) t->unref();
    if (options.simulated != nullptr) options.simulated->drop_entries();
}

void scheduler::claim_here() {
    if (claimed_here_.test_and_set(std::memory_order_acquire))
        throw std::logic_error("ramie: two threads run one current_thread runtime at once");
}

void scheduler::run_here(std::function<bool()> const& done, time_point until) { workers[0].run_until(done, until); }

}  // namespace ramie::detail
