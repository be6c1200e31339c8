#include "run.hpp"

#include "plain_access.hpp"

#include <ramie/detail/fence/bias.hpp>

#include <algorithm>
#include <cstring>
#include <cxxabi.h>
#include <utility>

namespace boost::context::detail {
using fcontext_t = void*;
struct transfer_t {
    fcontext_t fctx;
    void* data;
};
extern "C" transfer_t jump_fcontext(fcontext_t to, void* data);
extern "C" fcontext_t make_fcontext(void* top, std::size_t size, void (*entry)(transfer_t));
}  // namespace boost::context::detail

namespace ramie::model {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

namespace {

run* running = nullptr;
bool checker_at_work = false;
constexpr auto stranger = detail::bias::stranger;
constexpr unsigned most_time_outs = 4, most_steps = 20'000;
std::vector<stack_memory> spare_stacks;  // those of a failed run are lost with what was on them

stack_memory take_stack() {
    if (spare_stacks.empty()) return {};
    auto s = std::move(spare_stacks.back());
    spare_stacks.pop_back();
    return s;
}

}  // namespace

at_work::at_work() noexcept : before_(std::exchange(checker_at_work, true)) {}
at_work::~at_work() { checker_at_work = before_; }

run* run::current() noexcept { return checker_at_work ? nullptr : running; }
run& run::here() noexcept { return *running; }

run::run(bounds b, decisions& d, bool tells) : bounds_(b), decisions_(d), tells_(tells) {
    threads_.reserve(most_threads);
    d.rewind();
    running = this;
    plain::forget_all();
}

run::~run() {
    at_work const whole;
    if (failure_.empty())
        for (auto& s : stacks_) spare_stacks.push_back(std::move(s));
    else
        for (auto& s : stacks_) (void)new stack_memory(std::move(s));  // its frames are never left
    threads_.clear();
    running = nullptr;
}

void run::add_thread(std::function<void()> body) {
    if (threads_.size() == most_threads) fail("a model has too many threads");
    auto& t = threads_.emplace_back();
    t.number = static_cast<unsigned>(threads_.size() - 1);
    t.body = std::move(body);
    t.tick();
    t.lane = stranger;
}

unsigned run::start_thread(std::function<void()> body) {
    add_thread(std::move(body));
    auto& maker = self();
    auto& made = threads_.back();
    made.current.join(maker.current);
    made.to_acquire = made.released = made.current;
    made.tick();
    maker.tick();
    tell("starts thread " + std::to_string(made.number));
    return made.number;
}

void run::join_thread(unsigned number) {
    before({step::kind::join, false, nullptr, site::current()});
    auto const& other = threads_[number];
    if (other.now != model_thread::doing::ended) {
        self().joined = number;
        stop(model_thread::doing::joins);
    }
    at_work const whole;
    self().current.join(other.current);
    self().to_acquire.join(other.current);
    tell("joins thread " + std::to_string(number));
}

// --- switching ---

void run::thread_main(void* from) {
    auto& r = here();
    r.home_ = from;
    auto& self = r.self();
    {
        auto const body = std::move(self.body);
        checker_at_work = false;
        body();
    }
    checker_at_work = true;
    self.now = model_thread::doing::ended;
    jump_fcontext(r.home_, nullptr);
}

void run::resume(model_thread& t) {
    if (t.context == nullptr) {
        auto& s = stacks_.emplace_back(take_stack());
        t.context = make_fcontext(s.top(), 60 << 10, [](transfer_t from) { thread_main(from.fctx); });
    }
    running_ = static_cast<int>(t.number);
    auto* const exceptions = abi::__cxa_get_globals();
    std::memcpy(exceptions, t.exceptions, sizeof t.exceptions);
    detail::ramie_bias_here = t.lane;
    auto const back = jump_fcontext(t.context, nullptr);
    t.context = back.fctx;
    t.lane = detail::ramie_bias_here;
    detail::ramie_bias_here = stranger;
    std::memcpy(t.exceptions, exceptions, sizeof t.exceptions);
    std::memset(static_cast<void*>(exceptions), 0, sizeof t.exceptions);
}

// By the running thread, to the scheduler.
void run::leave() noexcept {
    checker_at_work = true;
    home_ = jump_fcontext(home_, nullptr).fctx;
    checker_at_work = false;
}

void run::before(step s) {
    auto& t = self();
    t.next = s;
    if (s.what != step::kind::load) t.reads_newest = false;
    leave();
    if (++steps_ > most_steps) fail("it does not come to an end");
    t.tick();
    t.last_step = t.current.clock[t.number];
}

void run::stop(model_thread::doing how) noexcept {
    self().now = how;
    self().stores_seen = memory_.stores();
    leave();
}

void run::fail(std::string what) {
    checker_at_work = true;
    failure_ = std::string(std::string_view(what));  // the text itself may lie in the run's own memory
    home_ = jump_fcontext(home_, nullptr).fctx;
    __builtin_unreachable();
}

void run::tell(std::string const& what) {
    if (!tells_) return;
    story_ += "  " + (running_ == 0 ? "set-up" : "thread " + std::to_string(running_)) + "  " + what + "\n";
}

// --- what is next ---

bool run::may_go_on(model_thread const& t) const noexcept {
    switch (t.now) {
        case model_thread::doing::ready: return true;
        case model_thread::doing::spins: return memory_.stores() != t.stores_seen;
        case model_thread::doing::sleeps: return t.timed && !has_no_limits;
        case model_thread::doing::joins: return threads_[t.joined].now == model_thread::doing::ended;
        case model_thread::doing::ended: return false;
    }
    return false;
}

unsigned run::choose_store(unsigned n) {
    if (n <= 1 || self().reads_newest || old_reads_ >= bounds_.old_reads) return 0;
    auto const back = decisions_.choose(n);
    old_reads_ += back > 0;
    return back;
}

unsigned run::wake_one(void const* futex) {
    std::vector<model_thread*> sleepers;
    for (auto& t : threads_)
        if (t.now == model_thread::doing::sleeps && t.sleeps_on == futex) sleepers.push_back(&t);
    if (sleepers.empty()) return 0;
    auto& woken = *sleepers[decisions_.choose(static_cast<unsigned>(sleepers.size()))];
    woken.now = model_thread::doing::ready;
    woken.timed_out = false;
    return woken.number;
}

// Whose turn may be next; the one that has run so far comes first.
std::vector<unsigned> run::candidates() {
    std::vector<unsigned> found;
    auto const last = static_cast<unsigned>(running_);
    // Those whose time would have to run out come last, and only so often, as long as others can go on.
    auto const is_late = [&](unsigned i) { return threads_[i].now == model_thread::doing::sleeps; };
    auto const add = [&](unsigned i) {
        if (i > 0 && may_go_on(threads_[i]) && !is_late(i)) found.push_back(i);
    };
    add(last);
    bool const goes_on = !found.empty() && threads_[last].now == model_thread::doing::ready;
    if (goes_on && preemptions_ >= bounds_.preemptions) return found;
    for (unsigned i = 1; i < threads_.size(); ++i)
        if (i != last) add(i);
    if (!found.empty() && time_outs_ >= most_time_outs) return found;
    for (unsigned i = 1; i < threads_.size(); ++i)
        if (may_go_on(threads_[i]) && is_late(i)) found.push_back(i);
    return found;
}

std::string run::who_waits() const {
    std::string all;
    for (auto const& t : threads_) {
        if (t.number == 0 || t.now == model_thread::doing::ended) continue;
        all += std::string(all.empty() ? "" : ", ") + "thread " + std::to_string(t.number) +
               (t.now == model_thread::doing::sleeps  ? " sleeps"
                : t.now == model_thread::doing::joins ? " waits for the end of thread " + std::to_string(t.joined)
                                                      : " looks again and again");
    }
    return all;
}

// False: all have ended, or there is no point in going on.
bool run::schedule() {
    bool const reduces = bounds_.preemptions == no_bound;
    auto could = candidates();
    if (could.empty()) {
        bool all_ended = true, some_spin = false;
        for (auto& t : threads_) {
            if (t.number == 0) continue;
            all_ended = all_ended && t.now == model_thread::doing::ended;
            some_spin = some_spin || t.now == model_thread::doing::spins;
        }
        if (all_ended) return false;
        // A loop that gives up after some looks may go on without a change.
        if (memory_.stores() != stores_when_in_vain_) rounds_in_vain_ = 0;
        stores_when_in_vain_ = memory_.stores();
        if (!some_spin || ++rounds_in_vain_ > 20) {
            failure_ = "nobody can go on: " + who_waits();
            return false;
        }
        for (auto& t : threads_)
            if (t.now == model_thread::doing::spins) t.stores_seen = ~std::uint64_t{0};
        return true;
    }
    asleep_.resize(threads_.size());
    if (reduces) std::erase_if(could, [&](unsigned i) { return asleep_[i]; });
    if (could.empty()) return false;  // each was tried before
    auto const taken = decisions_.choose(static_cast<unsigned>(could.size()));
    auto& next = threads_[could[taken]];
    auto const& last = threads_[static_cast<std::size_t>(running_)];
    if (last.now == model_thread::doing::ready && running_ != 0 && &last != &next) ++preemptions_;
    if (reduces) {
        for (unsigned i = 0; i < taken; ++i) asleep_[could[i]] = true;
        for (unsigned i = 0; i < threads_.size(); ++i)
            if (asleep_[i] && threads_[i].next.touches(next.next)) asleep_[i] = false;
    }
    if (next.now == model_thread::doing::spins) {
        next.reads_newest = true;
        next.now = model_thread::doing::ready;
    } else if (next.now == model_thread::doing::sleeps) {
        next.timed_out = true;
        ++time_outs_;
        next.now = model_thread::doing::ready;
    } else if (next.now == model_thread::doing::joins) {
        next.now = model_thread::doing::ready;
    }
    resume(next);
    return failure_.empty();
}

// Set-up and end: one thread, which nobody interrupts.
void run::run_alone(std::function<void()> const& body, bool sees_all) {
    auto& t = threads_[0];
    t.now = model_thread::doing::ready;
    t.context = nullptr;
    t.body = body;
    if (sees_all)
        for (auto const& other : threads_) t.current.join(other.current);
    t.reads_newest = true;
    running_ = 0;
    while (t.now != model_thread::doing::ended && failure_.empty()) {
        t.reads_newest = true;
        if (t.now != model_thread::doing::ready && !may_go_on(t)) {
            failure_ = "the set-up, or the end, waits for ever";
            return;
        }
        t.now = model_thread::doing::ready;
        resume(t);
    }
}

void run::go(std::function<void()> const& model) {
    at_work const whole;
    add_thread({});
    run_alone(model, false);
    if (!failure_.empty()) return;
    for (auto& t : threads_) {
        if (t.number == 0) continue;
        t.current.join(threads_[0].current);
        t.to_acquire = t.current;
        t.released = t.current;
        t.tick();
    }
    threads_[0].tick();
    while (failure_.empty() && schedule()) {}
    bool const ended = std::all_of(threads_.begin(), threads_.end(), [](auto& t) { return t.now == model_thread::doing::ended; });
    if (!failure_.empty()) return;
    if (!ended) {  // given up: what is on the stacks stays there
        for (auto& s : stacks_) (void)new stack_memory(std::move(s));
        stacks_.clear();
        return;
    }
    if (last_) run_alone(std::exchange(last_, {}), true);
}

void run::fence_everywhere() {
    auto& caller = self();
    for (int twice = 0; twice < 2; ++twice) {
        for (auto& t : threads_) {
            memory_.fence(t, order::seq_cst);
            if (&t == &caller) continue;
            // The processor that runs it has done all its earlier steps, and none of its later ones. Of what it does to plain
            // memory after its last step nobody can know, so it is not published either.
            auto done = t.current;
            if (t.now != model_thread::doing::ended) done.clock[t.number] = t.last_step;
            caller.current.join(done);
            done.join(caller.current);
            t.released = done;
            t.current.join(caller.current);
            t.to_acquire.join(t.current);
        }
    }
    caller.to_acquire.join(caller.current);
    caller.released = caller.current;
    for (auto& t : threads_) t.tick();
}

void run::synchronise(void const* at) {
    auto& met = met_at_[at];
    self().current.join(met);
    self().to_acquire.join(met);
    met = self().current;
    self().tick();
}

}  // namespace ramie::model
