// The carrier seam over workers. The only file with a thread-local of the runtime's own, read as this_lane.hpp says.
#include "carrier.hpp"

#include "scheduler.hpp"
#include "timers/coarse_clock.hpp"
#include "worker/worker.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/machine/other_copies.hpp>
#include <ramie/detail/overflow/stack_overflow.hpp>
#include <ramie/detail/simulation/stage.hpp>
#include <ramie/detail/task/carrier.hpp>

namespace ramie::detail {

namespace {
constinit thread_local scheduler* bound_runtime = nullptr;
constinit thread_local thread_service const* services = nullptr;
constinit thread_local bool exits = false;

// std::exit destroys the calling thread's thread_locals first, and then static objects.
struct exit_witness {
    ~exit_witness() { exits = true; }
};

RAMIE_NOIPA thread_service const*& services_here() noexcept { return services; }
RAMIE_NOIPA void notice_exit() noexcept { static thread_local exit_witness const here; }
}  // namespace

thread_service::thread_service(scheduler& of) noexcept : of_(&of), outer_(services_here()) {
    notice_exit();
    services_here() = this;
}
thread_service::~thread_service() { services_here() = outer_; }

bool thread_service::is_inside(scheduler const& s) noexcept {
    auto const* at = services_here();
    while (at != nullptr && at->of_ != &s) at = at->outer_;
    return at != nullptr;
}

RAMIE_NOIPA bool this_thread_exits() noexcept { return exits; }

RAMIE_NOIPA scheduler* this_runtime() noexcept { return bound_runtime; }
RAMIE_NOIPA static void bind(worker* w, scheduler* s) noexcept {
    bound_runtime = s;
    bind_lane(w);
}

// In the child, the forking thread is a plain thread, even if it was a worker: it has no fiber to switch to, and no
// queue that counts.
static home_process::child_watcher const unbinds([]() noexcept { bind(nullptr, nullptr); }, nullptr);

this_thread_carrier::this_thread_carrier(worker& w) noexcept
    : service_(w.home), worker_before_(this_worker()), runtime_before_(this_runtime()) {
    bind(&w, &w.home);
}
this_thread_carrier::~this_thread_carrier() { bind(worker_before_, runtime_before_); }

entered_runtime::entered_runtime(scheduler& s) noexcept : service_(s), before_(this_runtime()) {
    bind(this_worker(), &s);
}
entered_runtime::~entered_runtime() { bind(this_worker(), before_); }

namespace {

// Runs in a signal handler, on the thread that overflowed.
bool describe_running_fiber(overflow_description& out) noexcept {
    auto const* const w = this_worker();
    if (w == nullptr || w->current == nullptr || w->current->stack == nullptr) return false;
    auto const& t = *w->current;
    out = {t.name(), t.id(), t.where().file_name(), t.where().line(), t.stack};
    return true;
}

}  // namespace

driver& current_driver(char const* verb) { return *carrier::here(verb).watch; }

void install_overflow_handler() noexcept { install_overflow_report(&describe_running_fiber); }

stage* find_stage() noexcept {
    auto const* const s = this_runtime();
    return s != nullptr ? s->options.simulated : nullptr;
}

namespace carrier {

namespace {
[[noreturn, gnu::cold, gnu::noinline]] void refuse_here(char const* verb) {
    if (!home_process::is_here()) throw no_runtime(home_process::why_not_here());
    if (auto const foreign = foreign_fiber(); !foreign.empty())
        throw no_runtime(std::string("ramie: ") + verb + " was called in " + foreign +
                         "; link all with the shared library, so that there is one of it");
    throw no_runtime(std::string("ramie: ") + verb +
                     " was called on a thread that belongs to no runtime; call it from within ramie::run(...), "
                     "runtime::block_on(...) or a task, or spawn through a runtime's handle()");
}
}  // namespace

scheduler& here(char const* verb) {
    if (auto* const s = this_runtime()) [[likely]] return *s;
    refuse_here(verb);
}

void submit(scheduler& where_to, task& t) { where_to.submit(t); }
void resume(task& t) noexcept { t.home->resume(t); }
void requeue(lane& l, task& t) noexcept { static_cast<worker&>(l).post_yielded(t); }
task* pick(lane& l) noexcept { return static_cast<worker&>(l).pick(); }

task* claim_unstarted(lane& l, task& child) noexcept {
    auto& w = static_cast<worker&>(l);
    return child.home == &w.home ? w.claim_unstarted(child) : nullptr;
}

bool hand_over(lane& l, task& t) noexcept { return static_cast<worker&>(l).hand_over(t); }

task_state::park_result park_until(lane& l, task& t, std::uint64_t g, bool abortable, time_point until) noexcept {
    auto& w = static_cast<worker&>(l);
    bool earlier = false;
    auto const result = w.timers().arm(t, g, abortable, until, earlier);
    if (earlier) w.home.deadline_armed(until);
    return result;
}

bool can_arm(lane& l) noexcept { return static_cast<worker&>(l).timers().can_arm(); }

void disarm(task& t) noexcept { t.timer->heap->disarm(t); }

time_point now() noexcept {
    if (auto const* const on = this_stage()) [[unlikely]] return on->now();
    return std::chrono::steady_clock::now();
}
time_point a_little_later() noexcept {
    if (auto const* const on = this_stage()) [[unlikely]] return on->now();
    return coarse_clock::bound();
}

// Elsewhere: one step of a Weyl sequence, which is cheap. Without per-thread state, since a fiber could leave the thread.
std::uint64_t fair_number() noexcept {
    if (auto* const on = this_stage()) [[unlikely]] return on->choices.choose(1u << 30);
    static atomic<std::uint64_t> step{0};
    return step.fetch_add(0x9e37'79b9'7f4a'7c15, std::memory_order_relaxed);
}

RAMIE_NOIPA thread_notes notes() noexcept { return {{bound_runtime, services}}; }
RAMIE_NOIPA void note(thread_notes const& n) noexcept {
    notice_exit();
    bound_runtime = static_cast<scheduler*>(const_cast<void*>(n.of[0]));
    services = static_cast<thread_service const*>(n.of[1]);
}

shared_hook& unseen_failure_hook(scheduler& s) noexcept { return *s.unseen_failure; }
bool is_ending(scheduler& s) noexcept { return s.is_closing(); }

}  // namespace carrier
}  // namespace ramie::detail
