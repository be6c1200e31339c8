// What the shipped sources ask the system for, as the model has it.
#include "run.hpp"

#include <ramie/detail/fence/membarrier.hpp>
#include <ramie/detail/wait/futex.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>

namespace ramie::model {
bool membarrier_is_refused = false;
}

namespace ramie::detail {

using model::run;
using model::step;

// The word is compared with its newest value and the thread put to sleep in one step, as in the kernel.
bool futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected, time_point until) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return true;
    r->before({step::kind::compare_and_sleep, false, &word, model::site::current()});
    {
        model::at_work const whole;
        auto& l = r->mem().at(&word, 0);
        if (l.has_ended) r->fail("a thread sleeps on a futex that has ended");
        if (l.newest() != expected) {
            r->tell("does not sleep");
            return true;
        }
        r->tell("sleeps");
        auto& t = r->self();
        t.sleeps_on = &word;
        t.timed = until != never;
        t.timed_out = true;
    }
    r->stop(model::model_thread::doing::sleeps);
    model::at_work const whole;
    r->tell(r->self().timed_out ? "its time is up" : "was woken");
    return !r->self().timed_out;
}

void futex_wake(atomic<std::uint32_t>& word) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return;
    r->before({step::kind::wake, false, &word, model::site::current()});
    model::at_work const whole;
    auto const woken = r->wake_one(&word);
    r->tell(woken != 0 ? "wakes thread " + std::to_string(woken) : "wakes nobody");
}

constinit atomic<bool> membarrier_works{true};
bool fence_every_thread() noexcept {
    if (!membarrier_works.load(std::memory_order_relaxed)) return false;
    if (model::membarrier_is_refused) {
        membarrier_works.store(false, std::memory_order_relaxed);
        return false;
    }
    model::heavy_fence();
    return true;
}
// What has left all store buffers is as after a fence in every thread.
void wait_for_store_buffers() noexcept { model::heavy_fence(); }

thread_waiter& thread_waiter::of_this_thread() noexcept {
    auto* const r = run::current();
    if (r == nullptr) {
        static thread_waiter outside;
        return outside;
    }
    auto& mine = r->self().waits_by;
    if (mine == nullptr) mine = new thread_waiter;
    return *static_cast<thread_waiter*>(mine);
}

}  // namespace ramie::detail
