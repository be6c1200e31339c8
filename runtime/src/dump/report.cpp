#include "dump/report.hpp"

#include "dump/observer.hpp"
#include "dump/plain_text.hpp"
#include "dump/runtimes.hpp"
#include "scheduler.hpp"

#include <ramie/detail/wait/thread_waiter.hpp>

#include <algorithm>
#include <ctime>
#include <map>

#include <unistd.h>

namespace ramie::detail {

namespace {

// Different places, and different layouts of stacks, that are told apart.
constexpr std::size_t most_traces = 20'000;
constexpr std::size_t piece = 64 << 10;

std::string local_time() {
    auto const now = std::time(nullptr);
    std::tm parts{};
    char text[64];
    if (::localtime_r(&now, &parts) == nullptr) return {};
    return {text, std::strftime(text, sizeof text, "%F %T %z", &parts)};
}

std::string place_of(std::source_location const& where) {
    return escaped(where.file_name(), 300) + ":" + std::to_string(where.line());
}

std::string title_of(sighting const& s) {
    return "task " + std::to_string(s.id) + (s.name.empty() ? "" : " " + quoted(s.name));
}

}  // namespace

report::report(dump_options const& options, text_pipe& to)
    : options_(options), to_(to), runtimes_(all_runtimes()), book_(most_traces) {}

void report::print() try {
    note_all();
    text_ = "ramie: dump of process " + std::to_string(::getpid()) + ", " + local_time() + "\n";
    for (std::size_t i = 0; i < runtimes_.size(); ++i) print_runtime(*runtimes_[i], i + 1);
    print_threads();
    if (options_.each_task) print_traces();
    print_cycles();
    print_addr2line();
    text_ += "ramie: end of the dump, after " + time_text(clock::now() - began_) + "\n";
    if (!to_.write(std::move(text_))) throw gone{};
} catch (gone const&) {}

void report::flush_if_long() {
    if (text_.size() < piece) return;
    if (!to_.write(std::exchange(text_, {}))) throw gone{};
}

// The numbers of tasks that are known only by their address: who holds a lock.
void report::note_all() {
    for (auto const& s : runtimes_) s->live.for_each([&](task& t) { tasks_.push_back({&t, t.id()}); });
    thread_waiter::for_each(
        [](thread_waiter& w, int thread, void* to) {
            static_cast<std::vector<known_task>*>(to)->push_back({&w, static_cast<task_id>(thread)});
        },
        &tasks_);
    std::ranges::sort(tasks_, {}, &known_task::who);
}

std::string report::name_of(waiter const* w) const {
    auto const at = std::ranges::lower_bound(tasks_, w, {}, &known_task::who);
    if (at == tasks_.end() || at->who != w) return "a task that is new or has ended";
    // A thread's waiter is no task; its number was noted instead.
    return "task " + std::to_string(at->id);
}

// --- a runtime ---

void report::print_runtime(scheduler& s, std::size_t number) {
    auto const m = s.metrics();
    text_ += "\nruntime " + std::to_string(number) + ": " + count_text(m.workers, "worker") + ", " +
             count_text(m.live_tasks, "live task") + (s.options.current_thread ? ", current_thread" : "") +
             (s.is_closing() ? ", shutting down" : "") + "\n";
    print_workers(s);
    std::size_t armed = 0;
    for (auto const& w : s.workers) armed += std::as_const(*w).timers().size();
    text_ += "  ready: " + std::to_string(m.queued) + " in the workers' queues, " + std::to_string(m.injected) +
             " in the injection queue\n  timers: " + std::to_string(armed) + " armed";
    if (auto const first = s.first_deadline(); first != never)
        text_ += ", the first due in " + time_text(first - clock::now());
    text_ += "\n  blocking pool: " + count_text(m.blocking_threads, "thread") + ", " +
             count_text(m.blocking_queued, "job") + " queued, " + std::to_string(m.blocking_left_behind) +
             " left behind\n";
    print_tasks(s);
}

void report::print_workers(scheduler& s) {
    for (auto const& w : s.workers) {
        bool const spare = w->index >= s.options.workers;
        if (spare && w->is_asleep()) continue;
        text_ += (spare ? "  spare " : "  worker ") + std::to_string(w->index) + ": ";
        task const* const current = w->current;
        if (w->thread() == 0)
            text_ += "not in its loop";
        else if (w->is_lent())
            text_ += "lent to " + name_of(w->lent_by()) + " (block_in_place)";
        else if (w->sleeps_in_driver())
            text_ += "idle, in the driver";
        else if (w->is_asleep())
            text_ += "idle";
        else if (current != nullptr)
            text_ += "runs " + name_of(current);
        else
            text_ += "looks for work";
        if (w->is_stuck()) text_ += ", stalled: in it for " + time_text(w->stuck_for()) + " or more";
        text_ += "\n";
    }
}

void report::print_tasks(scheduler& s) {
    observer look(s, watcher_, options_.backtraces ? &book_ : nullptr);
    census all(options_.most_groups);
    std::size_t looked = 0;
    bool late = false;
    not_looked_at_ = 0;
    s.live.for_each([&](task& t) {
        late = late || (++looked % 64 == 0 && time_is_up());
        if (late) {
            ++not_looked_at_;
            return;
        }
        auto seen = look.look(t);
        if (!seen) return;
        cycles_.add(t, seen->id, seen->wait);
        if (!options_.each_task) return all.add(std::move(*seen));
        print_line(*seen);
        flush_if_long();
    });
    if (!options_.each_task) print_groups(all);
    if (not_looked_at_ > 0)
        text_ += "\n  " + count_text(not_looked_at_, "task") + " not looked at: the dump's time limit of " +
                 time_text(options_.time_limit) + " was over\n";
}

// --- a task ---

std::string report::time_of(sighting const& s) const {
    if (s.wait.since == time_point{}) return {};
    return time_text(began_ - s.wait.since);
}

std::string report::object_of(sighting const& s) const {
    std::string out;
    if (s.joins != 0) return " of task " + std::to_string(s.joins);
    if (s.world != nullptr)
        out = " (" + s.world->describe(s.outside) + ")";
    else if (s.wait.object != nullptr)
        out = " " + address_text(s.wait.object);
    if (s.wait.for_lock)
        out += s.wait.holder != nullptr ? ", held by " + name_of(s.wait.holder) : ", not held by one task alone";
    return out;
}

std::string report::state_of(sighting const& s) const {
    std::string const where = s.worker >= 0 ? " on worker " + std::to_string(s.worker) : "";
    std::string out;
    switch (s.now) {
    case sighting::doing::has_not_started: out = s.blocking ? "waits for a blocking thread" : "has not started"; break;
    case sighting::doing::is_ready: out = "ready to run" + where; break;
    case sighting::doing::runs: out = s.blocking ? "runs on a blocking thread" : "runs" + where; break;
    case sighting::doing::has_ended: out = "has ended"; break;
    case sighting::doing::waits:
        out = "waits for " + std::string(s.waits_for().empty() ? "its turn" : s.waits_for()) + object_of(s);
        if (auto const time = time_of(s); !time.empty()) out += ", for " + time;
        if (s.deadline != never) out += ", until its deadline in " + time_text(s.deadline - began_);
        out += where.empty() ? "" : "," + where;
        break;
    }
    if (s.pinned) out += ", pinned";
    if (s.aborted) out += ", aborted";
    return out;
}

std::string report::stack_of(sighting const& s) const {
    if (s.stack.size == 0) return {};
    return "stack " + size_text(s.stack.used) + " of " + size_text(s.stack.size) +
           (s.stack.deepest > s.stack.used ? ", at most " + size_text(s.stack.deepest) : "");
}

std::string report::trace_note(sighting const& s) const {
    if (!options_.backtraces || s.stands_at != trace_book::none) return {};
    if (s.now == sighting::doing::is_ready) return "no backtrace: it began to run";
    if (s.now == sighting::doing::waits) return "no backtrace on this processor";
    if (s.now != sighting::doing::runs || s.blocking) return {};
    switch (s.answer) {
    case thread_question::answer::stack: break;
    case thread_question::answer::elsewhere: return "no backtrace: its turn was over";
    case thread_question::answer::switching: return "no backtrace: in the middle of a switch";
    case thread_question::answer::own_stack: return "no backtrace: it runs on a stack of its own making";
    case thread_question::answer::silent: return "no backtrace: its thread does not answer";
    }
    return {};
}

void report::print_line(sighting const& s) {
    text_ += "  " + title_of(s) + ": " + state_of(s);
    if (auto const stack = stack_of(s); !stack.empty()) text_ += "; " + stack;
    text_ += "; spawned at " + place_of(s.where);
    if (s.stands_at > trace_book::others) {
        text_ += "; trace " + std::to_string(s.stands_at);
        printed_.insert(s.stands_at);
    } else if (auto const note = trace_note(s); !note.empty()) {
        text_ += "; " + note;
    }
    text_ += "\n";
}

void report::print_groups(census const& all) {
    for (auto const* g : all.in_order()) {
        print_group(*g);
        flush_if_long();
    }
    if (all.left_out() > 0)
        text_ += "\n  " + count_text(all.left_out(), "task") + " more, at other places than these " +
                 std::to_string(options_.most_groups) + "\n";
}

void report::print_group(census::group const& g) {
    auto const& s = g.oldest;
    text_ += "\n  " + title_of(s) + ": " + state_of(s) + "\n";
    if (g.count > 1) {
        text_ += "    and " + std::to_string(g.count - 1) + (g.count == 2 ? " other" : " others") + " like it:";
        std::size_t shown = 0;
        for (auto const id : g.ids) {
            if (id == s.id) continue;
            if (shown == census::ids_shown - 1) break;
            text_ += (shown++ > 0 ? ", " : " ") + std::to_string(id);
        }
        text_ += g.count - 1 > shown ? ", ...\n" : "\n";
    }
    if (auto const stack = stack_of(s); !stack.empty()) text_ += "    " + stack + "\n";
    if (auto const note = trace_note(s); !note.empty()) text_ += "    " + note + "\n";
    print_trace(s.stands_at, "    ");
    text_ += "    spawned at " + place_of(s.where) + " in " + escaped(s.where.function_name(), 300) + "\n";
}

void report::print_traces() {
    for (auto const n : printed_) {
        text_ += "\ntrace " + std::to_string(n) + "\n";
        print_trace(n, "  ");
        flush_if_long();
    }
}

// --- threads and circles ---

void report::print_threads() {
    struct thread {
        int number;
        sighting seen;
        waiter const* who;
    };
    struct collector final : held_questions {
        void ask(waiter const&, char const*, void const*) noexcept override {}
        std::vector<thread> all;
    } threads;
    thread_waiter::for_each(
        [](thread_waiter& w, int number, void* to) {
            auto& self = *static_cast<collector*>(to);
            wait_sight seen;
            task_id joins = 0;
            if (held_waiter const held(w); held) {
                seen = wait_sight::of(w, self);
                if (seen.what != nullptr && std::string_view(seen.what) == "join")
                    joins = static_cast<task const*>(seen.object)->id();
            }
            if (seen.what == nullptr) return;
            auto& t = self.all.emplace_back(thread{number, {}, &w});
            t.seen.now = sighting::doing::waits;
            t.seen.wait = seen;
            t.seen.joins = joins;
        },
        &threads);
    if (!threads.all.empty()) text_ += "\nthreads that wait for tasks or for what tasks use:\n";
    for (auto const& t : threads.all) {
        cycles_.add(*t.who, static_cast<std::uint64_t>(t.number), t.seen.wait);
        text_ += "  thread " + std::to_string(t.number) + ": " + state_of(t.seen) + "\n";
        flush_if_long();
    }
}

void report::print_cycles() {
    for (auto const& circle : cycles_.find(runtimes_)) {
        text_ += "\nDEADLOCK: each of these waits for the next, and the last for the first:\n";
        text_ += wait_cycles::text_of(circle, true);
        flush_if_long();
    }
}

}  // namespace ramie::detail
