#include <ramie/fiber_local.hpp>

#include <ramie/detail/config.hpp>
#include <ramie/detail/thread_waiter.hpp>
#include <ramie/this_fiber.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace ramie::detail {

std::atomic<bool> locals_are_inherited{false};

namespace {

// Destroys a plain thread's values when it ends. (What the destructors of other thread_locals set after that is lost.)
struct thread_janitor {
    ~thread_janitor() { destroy_locals(thread_waiter::of_this_thread()); }
};

RAMIE_NOIPA void clean_up_at_thread_exit() noexcept { static thread_local thread_janitor const mine; }

}  // namespace

void refuse_unset_local() {
    throw std::logic_error(std::string("ramie: a fiber_local has no value in ") + name_of(waiter::self()).text +
                           "; call it within scope(), set() one, or give it a factory");
}

local_value* find_local(void const* key) noexcept {
    auto* at = waiter::self().locals;
    while (at != nullptr && at->key != key) at = at->next;
    return at;
}

waiter& add_local(local_value& v) noexcept {
    auto& self = waiter::self();
    if (v.copy != nullptr) locals_are_inherited.store(true, std::memory_order_relaxed);
    if (v.destroy != nullptr && !self.is_fiber()) clean_up_at_thread_exit();
    v.next = self.locals;
    self.locals = &v;
    return self;
}

void remove_local(waiter& of, local_value& v) noexcept {
    auto** at = &of.locals;
    while (*at != &v) at = &(*at)->next;
    *at = v.next;
}

// One by one, so that each one's destructor still finds those that are older.
void destroy_locals(waiter& of) noexcept {
    constexpr int too_many = 1'000'000;  // a task has a few; more are made by a destructor that always makes another
    if (of.locals == nullptr) return;
    abort_shield const whole;
    for (int count = 0; of.locals != nullptr; ++count) {
        if (count == too_many) {
            std::fprintf(stderr, "ramie: the destructors of fiber_locals' values in %s make new values without end\n",
                         name_of(of).text);
            std::abort();
        }
        auto& v = *of.locals;
        of.locals = v.next;
        v.destroy(v);
    }
}

void take_over_locals(waiter& job) noexcept { waiter::self().locals = std::exchange(job.locals, nullptr); }

void inherited_locals::copy_all() {
    auto* const mine = waiter::self().locals;
    auto** end = &first_;
    try {
        for (auto* v = mine; v != nullptr; v = v->next) {
            if (v->copy == nullptr || find_local(v->key) != v) continue;  // not inherited, or hidden by a scope
            *end = v->copy(*v);
            end = &(*end)->next;
        }
    } catch (...) {
        free_all();
        throw;
    }
}

void inherited_locals::free_all() noexcept {
    abort_shield const whole;
    while (first_ != nullptr) {
        auto& v = *first_;
        first_ = v.next;
        v.destroy(v);
    }
}

}  // namespace ramie::detail
