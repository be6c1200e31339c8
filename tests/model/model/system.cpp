// What the shipped sources ask the system for, as the model has it.
#include "plain_access.hpp"
#include "run.hpp"

#include <ramie/detail/fence/membarrier.hpp>
#include <ramie/detail/wait/futex.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>

#include "blocks/slab_mapping.hpp"
#include "stack/stack_mapping.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include <sys/mman.h>

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
    if (r->self().timed_out) r->now = std::max(r->now, until);
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

// A slab's memory is the checker's own, so that its use after the end is seen.
std::byte* map_slab(std::size_t bytes) noexcept {
    return static_cast<std::byte*>(::operator new(bytes, std::align_val_t(bytes)));
}
void unmap_slab(std::byte* at, std::size_t bytes) noexcept { ::operator delete(at, bytes, std::align_val_t(bytes)); }

// The memory of stacks is real, and each piece is mapped for good: the descriptors say which of it is in use. To give pages
// back is to write to the first and the last word of them.
namespace {
constexpr std::size_t all_stacks = std::size_t{1} << 30;
std::byte* stacks_begin() noexcept {
    static void* const at = ::mmap(nullptr, all_stacks, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return static_cast<std::byte*>(at);
}
}  // namespace

std::byte* map_stacks(std::size_t bytes) noexcept {
    auto* const r = run::current();
    model::at_work const whole;
    auto const before = std::exchange(r->stacks_mapped, r->stacks_mapped + bytes);
    return r->stacks_mapped <= all_stacks ? stacks_begin() + before : nullptr;
}
bool unmap_stacks(std::byte* at, std::size_t bytes) noexcept {
    return_memory(at, bytes);
    return model::choose(2) == 0;
}
void return_memory(std::byte* from, std::size_t bytes) noexcept {
    model::plain::accessed(from, sizeof(model::word), true);
    model::plain::accessed(from + bytes - sizeof(model::word), sizeof(model::word), true);
}

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
