// How a waiter parks for the parking lot: as io/src/posix/blocking_call.cpp has it, but the waiter is a thread, which stays
// where it is.
#include "lot/lot_bell.hpp"
#include "posix/blocking_call.hpp"

#include <ramie/detail/task/task.hpp>
#include <ramie/detail/wait/park.hpp>
#include <ramie/detail/worker/stay.hpp>

#include <cerrno>
#include <cstdlib>
#include <new>

namespace ramie::detail {

waiter* running_fiber() noexcept { return &waiter::self(); }

int park_here(waiter& self, std::uint64_t g, wait_reason why, time_point limit, after_handler) noexcept {
    auto const end = park(self, g, why, nullptr, limit);
    if (end.woken()) return 0;
    try {
        end.raise();
    } catch (aborted const&) { return ECANCELED; }
    return EAGAIN;
}

// Only fibers come to these.
stay::stay(waiter& fiber) noexcept : self_(static_cast<task&>(fiber)), pinned_before_(false) { std::abort(); }
stay::~stay() = default;
void lot_bell::install() noexcept { std::abort(); }

}  // namespace ramie::detail
