#include <ramie/detail/wait/refusal.hpp>

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/wait/park.hpp>

#include <algorithm>

namespace ramie::detail {

namespace {

// An object that is waited for never has an odd address while `reason` is set: only a wait sets `reason`, and it is
// empty while the task runs.
void const* as_object(std::uint64_t count) noexcept { return reinterpret_cast<void const*>(count * 2 + 1); }
bool is_count(void const* object) noexcept { return (reinterpret_cast<std::uintptr_t>(object) & 1) != 0; }

// Notes the refused call and the count in the place of what it waits for. The stop that the task ignores must not end
// this wait.
void sleep_a_while(waiter& self, char const* what, std::uint64_t count) noexcept {
    auto const slept = count - refusals::without_sleep - 1;
    auto const doublings = std::min<std::uint64_t>(slept / refusals::sleeps_of_a_length, 10);
    auto const length = std::min(refusals::first_sleep * (std::int64_t{1} << doublings), refusals::last_sleep);
    ++self.shields;
    (void)park(self, self.state.generation(), {what, as_object(count)}, nullptr, carrier::now() + length);
    --self.shields;
}

}  // namespace

refusals refusals::of(waiter const& w) noexcept {
    auto const* const what = w.reason.load(std::memory_order_relaxed);
    auto const* const object = w.object.load(std::memory_order_relaxed);
    if (what == nullptr || !is_count(object)) return {};
    return {what, reinterpret_cast<std::uintptr_t>(object) / 2};
}

void refuse(waiter& self, char const* what) noexcept {
    if (!self.is_fiber()) return;  // a thread does not keep a worker
    auto const count = refusals::of(self).count + 1;
    if (count > refusals::without_sleep) sleep_a_while(self, what, count);
    else if (count > refusals::at_once) carrier::this_lane()->yield();
    self.object.store(as_object(count), std::memory_order_relaxed);
    self.reason.store(what, std::memory_order_relaxed);
}

}  // namespace ramie::detail
