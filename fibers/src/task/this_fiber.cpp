#include <ramie/this_fiber.hpp>

#include "switch/whole_wait.hpp"

#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/switch/lane.hpp>

#include <thread>

namespace ramie {

namespace detail {

namespace {
task* running_task() noexcept {
    auto* const here = carrier::this_lane();
    return here != nullptr ? here->current.get() : nullptr;
}
}  // namespace

void sleep(time_point until) {
    auto& self = waiter::enter();
    bool began = false;
    auto const end = whole_wait(self, self.state.generation(), {"sleep"}, nullptr, until, [&](lane*) {
        began = true;
        return before_park{};
    });
    end.raise();
    if (!began) this_fiber::yield();  // like sleep(0): a loop of such sleeps must not keep others waiting
}

}  // namespace detail

namespace this_fiber {

namespace {
[[gnu::cold, gnu::noinline]] void yield_thread() {
    detail::give_processor_away();
    detail::waiter::self().end_point();
}
}  // namespace

void yield() {
    auto* const here = detail::carrier::this_lane();
    if (here == nullptr || here->current == nullptr) return yield_thread();
    auto& self = *here->current;
    self.abort_point();
    here->yield();
    self.end_point();
}

task_id id() noexcept {
    auto const* const t = detail::running_task();
    return t != nullptr ? t->id() : 0;
}

std::string_view name() noexcept {
    auto const* const t = detail::running_task();
    return t != nullptr ? t->name() : std::string_view();
}

std::stop_token stop_token() {
    auto* const t = detail::running_task();
    return t != nullptr ? t->stop_token() : std::stop_token();
}

void consume_budget() { (void)detail::waiter::enter(); }

void abort_point() { detail::waiter::self().abort_point(); }

std::size_t stack_left() noexcept {
    auto const* const t = detail::running_task();
    if (t == nullptr) return 0;
    auto const* const here = static_cast<std::byte const*>(__builtin_frame_address(0));
    return t->stack->holds(here) ? static_cast<std::size_t>(here - t->stack->bottom) : 0;
}

}  // namespace this_fiber

abort_shield::abort_shield() noexcept : mine_(detail::waiter::self()) { ++mine_.shields; }
abort_shield::~abort_shield() { --mine_.shields; }

}  // namespace ramie
