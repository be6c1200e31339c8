// Calls that close a descriptor, or give its number to another file.
#include "libc/libc_calls.hpp"
#include "posix/blocking_call.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/worker/stay.hpp>
#include <ramie/posix.hpp>

#include <optional>

namespace ramie {

namespace {

// False for a child's numbers: no fiber here waits for them. A child that shares our memory is recognised by asking the
// kernel; it runs on a stack of its own, so it is no fiber.
bool concerns_us(detail::waiter const* self) noexcept {
    return self != nullptr || detail::home_process::is_surely_here();
}

// Fibers that wait for the number leave with EBADF before `end` gives it to another file.
template <class End>
int after_all_left(int fd, End&& end) noexcept {
    auto* const self = detail::calling_fiber();
    auto* const entry = detail::home_process::is_here() ? detail::foreign_table::find(fd) : nullptr;
    if (entry == nullptr || !concerns_us(self)) return end();
    std::optional<detail::stay> here;
    if (self != nullptr) here.emplace(*self);
    entry->begin_close(self != nullptr);
    auto const result = end();
    entry->end_close();
    return result;
}

}  // namespace

int posix::close(int fd) {
    return after_all_left(fd, [&] { return detail::libc().close(fd); });
}

int posix::close_range(unsigned first, unsigned last, int flags) {
    auto* const self = detail::calling_fiber();
    // With flags, nothing is closed that others see. (A wrong range or unknown flags: libc's call reports it.)
    if (flags != 0 || !detail::home_process::is_here() || !concerns_us(self)) return detail::libc().close_range(first, last, flags);
    std::optional<detail::stay> here;
    if (self != nullptr) here.emplace(*self);
    detail::foreign_table::for_each(first, last, [&](auto& entry) { entry.begin_close(self != nullptr); });
    auto const result = detail::libc().close_range(first, last, flags);
    detail::foreign_table::for_each(first, last, [](auto& entry) { entry.end_close(); });
    return result;
}

int posix::dup2(int from, int to) {
    if (from == to) {
        detail::calling_fiber();  // spends its budget
        return detail::libc().dup2(from, to);
    }
    return after_all_left(to, [&] { return detail::libc().dup2(from, to); });
}

int posix::dup3(int from, int to, int flags) {
    if (from == to) {
        detail::calling_fiber();  // spends its budget
        return detail::libc().dup3(from, to, flags);
    }
    return after_all_left(to, [&] { return detail::libc().dup3(from, to, flags); });
}

}  // namespace ramie
