// The world of one simulated run: its clock, its choices, its log, the tasks that could run, and what will happen
// later.
//
// A simulation is a runtime of its own: a scheduler with one worker on the calling thread, whose settings name a stage.
// What is different from a current_thread runtime:
//   - The worker is diverted for good (worker::divert), so that whatever is spawned, woken or yields leaves the paths
//     that production is tuned for and comes to the worker's loop; a production runtime pays nothing for that. There
//     the stage chooses the next task (simulated_worker.cpp).
//   - carrier::now() is the stage's clock. A turn takes a microsecond or, seldom, much longer; when all wait, the clock
//     jumps to what comes next. It never follows the real one.
//   - A blocking job is a task that no abort interrupts.
//   - The driver is the simulated network (io/).
//   - When nothing is left that could ever wake a task, the run fails, and the tasks' waits are its explanation.
//
// One thread uses a stage, and several threads may each have one.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/simulation/decisions.hpp>
#include <ramie/detail/simulation/event_log.hpp>
#include <ramie/detail/task/task.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ramie::detail {

class network;

class stage {
  public:
    // Why a run has failed, if no exception says so.
    enum class failing : std::uint8_t { check, deadlock, endless, unseen };
    struct failure {
        failing how;
        std::string why;
    };
    // Tasks that belong together, because they run on one simulated machine. 0: the machine of the test itself.
    using node_id = std::uint16_t;

    static constexpr time_point start{std::chrono::hours(1)};

    stage(schedule by, bool whole_log, std::uint64_t most_turns)
        : choices(std::move(by)), log(whole_log), most_turns_(most_turns) {}
    stage(stage const&) = delete;
    stage& operator=(stage const&) = delete;

    // --- time ---
    time_point now() const noexcept { return now_; }
    // Calls `what` then, on the worker's own stack: it must not wait. Of several at one time, the first asked is first.
    void at(time_point when, std::function<void()> what) { later_.emplace(when, std::move(what)); }
    time_point next_event() const noexcept { return later_.empty() ? never : later_.begin()->first; }
    void advance_to(time_point t);
    // How long the next turn takes; how many operations that need not wait it may make (none: the usual number).
    std::chrono::nanoseconds turn_time();
    std::optional<std::uint32_t> turn_budget();

    // --- tasks ---
    void spawned(task& t, char const* verb);
    void add_runnable(task& t) { runnable_.push_back(&t); }
    bool has_runnable() const noexcept { return !runnable_.empty(); }
    // One of them.
    task& choose_task();
    void runs(task const& t);
    // The runtime is down: lets go of stale entries.
    void drop_entries() noexcept;
    node_id node_of(task_id id) const noexcept { return id < nodes_.size() ? nodes_[id] : node_id{0}; }
    // The node of the running task, whose children belong to it, too.
    node_id current_node() const noexcept;
    // What the running task spawns until the next call belongs there; none: to its own node.
    void spawn_for(std::optional<node_id> node) noexcept { spawns_for_ = node; }
    // Aborts all tasks of that node. How many there were.
    std::size_t abort_tasks_of(node_id node);

    // --- the end ---
    // The first failure counts.
    void fail(failing how, std::string why);
    std::optional<failure> const& failed() const noexcept { return failed_; }
    bool is_endless() const noexcept { return turns_ > most_turns_; }
    std::uint64_t turns() const noexcept { return turns_; }

    // A line of the log, of texts and whole numbers.
    template <class... Parts>
    void note(Parts const&... parts) {
        line_.clear();
        (append(parts), ...);
        log.add(now_ - start, line_);
    }

    decisions choices;
    event_log log;
    network* net = nullptr;  // io/'s; it sets this

  private:
    void append(std::string_view text) { line_ += text; }
    template <std::integral N>
    void append(N number) {
        line_ += std::to_string(number);
    }

    time_point now_ = start;
    std::multimap<time_point, std::function<void()>> later_;
    std::vector<task*> runnable_;  // in the order in which they became so
    std::vector<node_id> nodes_;   // by task
    std::optional<node_id> spawns_for_;
    std::uint64_t turns_ = 0;
    std::uint64_t const most_turns_;
    std::optional<failure> failed_;
    std::string line_;
};

// The stage of the simulation that this thread runs, or null. `stages`: how many there are in the process, so that
// elsewhere this is one load. (Relaxed: a thread sees its own.)
inline constinit std::atomic<std::uint32_t> stages{0};
RAMIE_API stage* find_stage() noexcept;
inline stage* this_stage() noexcept {
    return stages.load(std::memory_order_relaxed) == 0 ? nullptr : find_stage();
}

// For what cannot be simulated: throws std::logic_error.
[[noreturn]] void refuse_in_simulation(char const* verb, char const* instead);

}  // namespace ramie::detail
