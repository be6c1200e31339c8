// A simulation's worker: every switch comes to its loop, and the stage says what is next (stage.hpp).
#include "carrier.hpp"
#include "dump/wait_cycles.hpp"
#include "scheduler.hpp"
#include "worker/worker.hpp"

#include <ramie/detail/simulation/stage.hpp>

#include <ramie/detail/stack/stack.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace ramie::detail {

void worker::enter_stage() noexcept {
    divert();
    order_.hurry();  // and never looks around: so each pick is due, and goes home
    next_id = 0;     // ids that do not depend on what else the process did
    last_id = ~task_id{0};
}

// The queues are where the diverted paths put tasks; here they come into one place, in the order in which they were put
// into each queue.
void worker::gather(stage& on) {
    while (auto* const t = ring_.pop()) on.add_runnable(*t);
    while (auto* const t = own_.pop()) on.add_runnable(*t);
    while (auto* const t = home.injected.pop()) on.add_runnable(*t);
}

void worker::fire_on(stage& on) {
    auto due = fire(on.now());
    while (auto* const t = due.take()) {
        on.note(name_of(*t).text, "'s time has come");
        on.add_runnable(*t);
    }
}

task* worker::find_work_on(stage& on) {
    for (;;) {
        back_to_loop = false;
        if (should_stop()) return nullptr;
        gather(on);
        if (on.has_runnable()) {
            on.advance_to(on.now() + on.turn_time());
            fire_on(on);
            gather(on);
            if (auto* const t = ready_entry(&on.choose_task())) {
                on.runs(*t);
                if (auto const operations = on.turn_budget()) limit_turn(*operations);
                return t;
            }
            continue;
        }
        // All wait: time jumps.
        auto const next = std::min({timers().first(), on.next_event(), limit_});
        if (next == never) {
            home.explain_deadlock(on);  // a failure, which ends the run
            continue;
        }
        on.advance_to(next);
        fire_on(on);
    }
}

// What each task waits for, and which of them wait in a circle.
void scheduler::explain_deadlock(stage& on) {
    std::string why = "all tasks wait, and nothing is left that could wake one:";
    for (auto const& each : survivors()) why += "\n    " + each;
    for (auto const& circle : circles_of_waits(*this)) {
        why += "\n  each of these waits for the next, and the last for the first:\n" + wait_cycles::text_of(circle, false);
        why.pop_back();
    }
    on.fail(stage::failing::deadlock, std::move(why));
}

std::size_t stage::abort_tasks_of(node_id node) {
    std::vector<task*> all;
    this_worker()->home.live.for_each([&](task& t) {
        if (node_of(t.id()) != node) return;
        t.ref();
        all.push_back(&t);
    });
    // Not in the order of the table's slots.
    std::ranges::sort(all, {}, [](task const* t) { return t->id(); });
    for (auto* const each : all) {
        each->abort();
        each->unref();
    }
    return all.size();
}

void scheduler::spawn_on_stage(task& t) noexcept {
    refuse_foreign_thread(t);
    options.simulated->spawned(t, t.shields != 0 ? "a job for spawn_blocking" : "spawned");
    post_on_stage(t);
}

void scheduler::wake_on_stage(task& t) noexcept {
    refuse_foreign_thread(t);
    options.simulated->note(name_of(t).text, " is woken");
    post_on_stage(t);
}

// It comes to the worker's loop through a queue.
void scheduler::post_on_stage(task& t) noexcept {
    if (t.pinned) workers[0].queue_own(t);
    else injected.push(t);
}

// It runs in turn, as a task with a large stack, and no abort interrupts it once it has begun.
void scheduler::submit_job_on_stage(task& t, blocking_share share) {
    constexpr std::size_t job_stack = std::size_t{1} << 20;
    t.stack_class = stack_class_for(job_stack);
    t.shields = 1;
    if (share == blocking_share::files || share == blocking_share::calls) {
        t.home = this;
        refuse(t);
        refuse_in_simulation("a call on a file, a pipe's end or a child",
                             "it would not be the same each time; let the test pass a stand-in for it");
    }
    submit_with_care(t);
}

void scheduler::refuse_foreign_thread(task const& t) noexcept {
    if (this_worker() == &workers[0]) return;
    std::fprintf(
        stderr,
        "ramie: %s of a simulation was spawned or woken by a thread that is not part of it; a simulation has one "
        "thread, and others would make it different each time\n",
        name_of(t).text);
    std::abort();
}

}  // namespace ramie::detail
