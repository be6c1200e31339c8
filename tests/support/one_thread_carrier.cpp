#include "one_thread_carrier.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/task/carrier.hpp>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <stdexcept>

namespace ramie::detail {

// The runtime this carrier's tasks belong to: the carrier itself.
class scheduler {
  public:
    testing::one_thread_carrier* carrier;
};

struct timer_entry {
    task* who;
    std::uint64_t generation;
    std::multimap<time_point, timer_entry*>::iterator place;
};

}  // namespace ramie::detail

namespace ramie::testing {

struct carrier_access {
    one_thread_carrier& c;
    detail::lane& lane() { return c.lane_; }
    auto& ready() { return c.ready_; }
    auto& deadlines() { return c.deadlines_; }
    auto& now() { return c.now_; }
    auto& unseen() { return c.unseen_; }
    bool direct() { return c.direct_; }
    bool refuses_tasks() { return c.refuses_tasks_; }
    bool refuses_deadlines() { return c.refuses_deadlines_; }
    detail::task* pop() { return c.pop(); }
    bool take_if_newest(detail::task& t) { return c.take_if_newest(t); }
};

namespace {
thread_local one_thread_carrier* installed = nullptr;
thread_local detail::scheduler installed_scheduler{};
thread_local detail::scheduler* home = nullptr;

RAMIE_NOIPA one_thread_carrier* here() noexcept { return installed; }

// As a carrier's system calls may do: no fiber must notice.
RAMIE_NOIPA void spoil_errno() noexcept { errno = ENOTRECOVERABLE; }
}  // namespace

one_thread_carrier::one_thread_carrier() : unseen_(new detail::shared_hook({})) {
    if (installed != nullptr) throw std::logic_error("one one_thread_carrier per thread");
    installed = this;
    home = &installed_scheduler;
    home->carrier = this;
    lane_.live.join(tasks_);
    lane_.enter_thread();
    lane_.number = detail::bias::new_number();
    detail::bind_lane(&lane_);
}

one_thread_carrier::~one_thread_carrier() {
    // What the test left behind is aborted, so that nothing leaks.
    for (int round = 0; round < 100 && live() > 0; ++round) {
        std::deque<detail::task*> all;
        tasks_.for_each([&](detail::task& t) {
            t.ref();
            all.push_back(&t);
        });
        for (auto* t : all) {
            t->abort();
            t->unref();
        }
        drain();
    }
    while (pop() != nullptr) {}
    unseen_->unref();
    installed = nullptr;
    detail::bind_lane(nullptr);
}

void one_thread_carrier::on_unseen_failure(failure_hook hook) {
    unseen_->unref();
    unseen_ = new detail::shared_hook(std::move(hook));
}

detail::task* one_thread_carrier::pop() {
    while (!ready_.empty()) {
        auto const [t, fresh] = ready_.front();
        ready_.pop_front();
        if (!fresh || t->state.start() == detail::task_state::start_result::run_it) return t;
        t->unref();  // a stale entry
    }
    return nullptr;
}

bool one_thread_carrier::take_if_newest(detail::task& t) {
    auto const newest = std::find_if(ready_.rbegin(), ready_.rend(), [](entry const& e) { return e.fresh; });
    if (newest == ready_.rend() || newest->who != &t) return false;
    ready_.erase(std::next(newest).base());
    return true;
}

bool one_thread_carrier::step() {
    auto* const t = pop();
    if (t == nullptr) return false;
    lane_.back_to_loop = false;
    lane_.run(*t);
    return true;
}

void one_thread_carrier::drain() {
    while (step()) {}
}

void one_thread_carrier::run() {
    for (;;) {
        drain();
        if (deadlines_.empty()) return;
        now_ = std::max(now_, deadlines_.begin()->first);
        fire_due();
    }
}

void one_thread_carrier::advance(std::chrono::nanoseconds d) {
    now_ += d;
    fire_due();
}

void one_thread_carrier::fire_due() {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
        auto* const due = deadlines_.begin()->second;
        deadlines_.erase(deadlines_.begin());
        auto& t = *due->who;
        due->place = deadlines_.end();
        if (t.state.claim(due->generation, detail::task_state::outcome::deadline) ==
            detail::task_state::claim_result::submit_it) {
            t.timer = nullptr;
            delete due;
            ready_.push_back({&t, false});
        }
    }
}

}  // namespace ramie::testing

namespace ramie::detail::carrier {

using testing::carrier_access;
using testing::here;

scheduler& here(char const* verb) {
    if (testing::here() == nullptr) throw no_runtime(std::string("ramie: ") + verb + " outside a carrier");
    return *testing::home;
}

void submit(scheduler& where_to, task& t) {
    static task_id last = 0;
    auto& c = *where_to.carrier;
    t.set_id(++last);
    t.home = &where_to;
    if (t.stack_class == task::of_runtime) t.stack_class = stack_class_for(default_stack_size);
    try {
        if (carrier_access{c}.refuses_tasks()) throw std::bad_alloc();
        c.tasks().add(t);
    } catch (std::bad_alloc const&) {
        (void)t.state.start();
        t.cancel();
        throw;
    }
    carrier_access{c}.ready().push_back({&t, true});
}

void resume(task& t) noexcept {
    carrier_access{*t.home->carrier}.ready().push_back({&t, false});
    testing::spoil_errno();
}

void requeue(lane&, task& t) noexcept { resume(t); }

task* pick(lane& l) noexcept {
    carrier_access c{*testing::here()};
    testing::spoil_errno();
    if (c.direct()) return c.pop();
    l.back_to_loop = !c.ready().empty();
    return nullptr;
}

// As worker::claim_unstarted().
task* claim_unstarted(lane&, task& child) noexcept {
    carrier_access c{*testing::here()};
    if (!c.direct() || !c.take_if_newest(child)) return nullptr;
    if (child.state.start(true) == task_state::start_result::run_it) return &child;
    child.unref();  // aborted meanwhile
    return nullptr;
}

// In its turn.
bool hand_over(lane&, task&) noexcept { return false; }

bool can_arm(lane&) noexcept { return !carrier_access{*testing::here()}.refuses_deadlines(); }

task_state::park_result park_until(lane&, task& t, std::uint64_t g, bool abortable, time_point until) noexcept {
    carrier_access c{*testing::here()};
    auto* const entry = new timer_entry{&t, g, {}};
    t.timer = entry;
    entry->place = c.deadlines().emplace(until, entry);
    testing::spoil_errno();
    return t.state.park(g, abortable);
}

void disarm(task& t) noexcept {
    carrier_access c{*testing::here()};
    if (t.timer->place != c.deadlines().end()) c.deadlines().erase(t.timer->place);
    delete t.timer;
    t.timer = nullptr;
    testing::spoil_errno();
}

time_point now() noexcept {
    auto* const c = testing::here();
    return c != nullptr ? carrier_access{*c}.now() : std::chrono::steady_clock::now();
}

time_point a_little_later() noexcept { return now(); }

std::uint64_t fair_number() noexcept {
    static std::uint64_t last = 0;
    return last += 0x9e37'79b9'7f4a'7c15;
}

RAMIE_NOIPA thread_notes notes() noexcept { return {{testing::installed, testing::home}}; }
RAMIE_NOIPA void note(thread_notes const& n) noexcept {
    testing::installed = static_cast<testing::one_thread_carrier*>(const_cast<void*>(n.of[0]));
    testing::home = static_cast<scheduler*>(const_cast<void*>(n.of[1]));
}

shared_hook& unseen_failure_hook(scheduler& s) noexcept { return *carrier_access{*s.carrier}.unseen(); }
bool is_ending(scheduler&) noexcept { return false; }

}  // namespace ramie::detail::carrier
