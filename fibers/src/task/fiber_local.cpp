#include <ramie/detail/fence/atomic.hpp>
#include <ramie/fiber_local.hpp>

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/task/end_action.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>
#include <ramie/this_fiber.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <system_error>

namespace ramie::detail {

atomic<bool> locals_are_inherited{false};
char const end_key = 0;

namespace {

// One by one, so that each destructor still finds the older values. The actions at the end stay.
void destroy_values(waiter& of) noexcept {
    constexpr int too_many = 1'000'000;  // so many come only from a destructor that always makes another
    local_value* to_do = nullptr;
    auto** last_to_do = &to_do;
    for (int count = 0; of.locals != nullptr; ++count) {
        if (count == too_many) {
            std::fprintf(stderr, "ramie: the destructors of fiber_locals' values in %s make new values without end\n",
                         name_of(of).text);
            std::abort();
        }
        auto& v = *of.locals;
        of.locals = v.next;
        if (v.key == &end_key) {
            v.next = nullptr;
            *last_to_do = &v;
            last_to_do = &v.next;
        } else {
            v.destroy(v);
        }
    }
    of.locals = to_do;
}

// Destroys a plain thread's values when it ends. (Values set after that, by destructors of other thread_locals, are
// lost.)
struct thread_janitor {
    ~thread_janitor() {
        auto& mine = thread_waiter::of_this_thread();
        abort_shield const whole;
        destroy_values(mine);
    }
};

RAMIE_NOIPA void clean_up_at_thread_exit() noexcept { static thread_local thread_janitor const mine; }

// A key's destructor is called after a thread's thread_locals are gone; the main thread ends by exit() instead.
class end_of_threads {
  public:
    end_of_threads() : error_(::pthread_key_create(&key_, &at_thread_exit)) {
        if (error_ == 0 && std::atexit(&at_exit) != 0) error_ = ENOMEM;
    }
    void watch_this_thread() {
        if (error_ == 0) error_ = ::pthread_setspecific(key_, this);
        if (error_ != 0)
            throw std::system_error(error_, std::system_category(), "ramie: nothing can be done at this thread's exit");
    }

  private:
    static void at_thread_exit(void*) noexcept { destroy_locals(thread_waiter::of_this_thread()); }
    static void at_exit() noexcept { destroy_locals(thread_waiter::of_this_thread()); }

    pthread_key_t key_{};
    int error_;
};

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

void destroy_locals(waiter& of) noexcept {
    if (of.locals == nullptr) return;
    abort_shield const whole;
    destroy_values(of);
    while (auto* to_do = std::exchange(of.locals, nullptr)) {
        while (to_do != nullptr) {
            auto& first = *to_do;
            to_do = first.next;
            first.destroy(first);
        }
        destroy_values(of);  // made by one of the actions
    }
}

void prepare_to_end() {
    if (waiter::self().is_fiber()) return;
    static end_of_threads all;
    all.watch_this_thread();
}

void at_end(local_value& action) noexcept {
    auto& self = waiter::self();
    action.next = self.locals;
    self.locals = &action;
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
