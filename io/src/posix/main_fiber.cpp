#include "posix/main_fiber.hpp"

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/machine/home_process.hpp>

#include <mutex>
#include <new>
#include <utility>

namespace ramie::detail::main_fiber {

constinit atomic<waiter const*> seated{nullptr};

namespace {

struct counts {
    std::uint32_t all = 0, hard = 0;
    bool have_moved(counts const& since, after_handler rule) const noexcept {
        return rule == after_handler::ends ? all != since.all : hard != since.hard;
    }
};
constinit std::atomic<std::uint32_t> all{0}, hard{0};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

// acquire pairs with the release in handler_ran().
counts now() noexcept {
    auto const n = all.load(std::memory_order_acquire);
    return {n, hard.load(std::memory_order_acquire)};
}

// Of the main fiber, which alone touches them.
struct {
    counts at_entry, told;
    bool in_whole_call = false;
    after_handler rule = after_handler::goes_on;  // in a whole_call: for all its waits
} constinit notes;

constinit word_lock lock;
struct shown {
    waiter* who = nullptr;  // null: no wait is shown, or it has been ended
    std::uint64_t generation = 0;
    after_handler rule = after_handler::goes_on;
    counts since;
    bool ended = false;
};
constinit shown wait;

void forget() noexcept {
    new (&lock) word_lock;
    wait = {};
    notes = {};
    seated.store(nullptr, std::memory_order_relaxed);
}
// A child that has runtimes of its own has no main fiber yet.
home_process::child_watcher const anew(nullptr, forget);

}  // namespace

bool sit_down(waiter const& w) noexcept {
    std::lock_guard const held(lock);
    if (seated.load(std::memory_order_relaxed) != nullptr) return false;
    notes = {now(), now()};
    seated.store(&w, std::memory_order_relaxed);
    return true;
}

void stand_up() noexcept {
    std::lock_guard const held(lock);
    seated.store(nullptr, std::memory_order_relaxed);
}

void enter() noexcept {
    if (!notes.in_whole_call) notes.at_entry = now();
}

whole_call::whole_call(waiter const& self, after_handler rule, bool has_mask) noexcept
    : outermost_(is(self) && !notes.in_whole_call) {
    if (!outermost_) return;
    notes.in_whole_call = true;
    notes.rule = rule;
    if (has_mask) notes.at_entry = notes.told;
}

whole_call::~whole_call() {
    if (outermost_) notes.in_whole_call = false;
}

void was_told(waiter const& self) noexcept {
    if (is(self)) notes.told = now();
}

shown_wait::shown_wait(waiter& self, std::uint64_t g, after_handler rule) noexcept {
    if (!is(self)) return;
    if (notes.in_whole_call) rule = notes.rule;
    if (rule == after_handler::goes_on) return;
    std::lock_guard const held(lock);
    auto const seen = now();
    if (seen.have_moved(notes.at_entry, rule)) {
        notes.told = seen;
        ended_ = true;
        return;
    }
    wait = {&self, g, rule, notes.at_entry};
    shown_ = true;
}

bool shown_wait::take_back() noexcept {
    if (!std::exchange(shown_, false)) return ended_;
    std::lock_guard const held(lock);
    ended_ = wait.ended;
    wait = {};
    if (ended_) notes.told = now();
    return ended_;
}

bool handler_ran(bool restarts) noexcept {
    if (seated.load(std::memory_order_relaxed) == nullptr) return false;
    // release pairs with the acquire in now().
    if (!restarts) hard.fetch_add(1, std::memory_order_release);
    all.fetch_add(1, std::memory_order_release);
    return true;
}

void answer_bell() noexcept {
    auto claimed = task_state::claim_result::lost;
    waiter* who = nullptr;
    {
        std::lock_guard const held(lock);
        if (wait.who == nullptr || !now().have_moved(wait.since, wait.rule)) return;
        who = std::exchange(wait.who, nullptr);
        claimed = who->state.claim(wait.generation, task_state::outcome::deadline);
        wait.ended = claimed != task_state::claim_result::lost;
    }
    // No other party makes it runnable, so it is still there.
    if (claimed == task_state::claim_result::submit_it) resume(*who);
}

}  // namespace ramie::detail::main_fiber
