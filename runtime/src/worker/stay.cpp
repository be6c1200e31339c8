#include <ramie/detail/worker/stay.hpp>

#include "carrier.hpp"
#include "worker/worker.hpp"

namespace ramie::detail {

stay::stay(waiter& fiber) noexcept : self_(static_cast<task&>(fiber)), pinned_before_(self_.pinned) {
    ++this_worker()->stayers;
    self_.pinned = true;
}

stay::~stay() {
    self_.pinned = pinned_before_;
    --this_worker()->stayers;
}

namespace {
constexpr std::uint16_t was_pinned = 0x8000;  // above the count
}

void begin_hold(waiter& fiber) noexcept {
    if (fiber.foreign_locks++ != 0) return;
    auto& self = static_cast<task&>(fiber);
    if (self.pinned) fiber.foreign_locks |= was_pinned;
    self.pinned = true;
    ++this_worker()->stayers;
}

void end_hold(waiter& fiber) noexcept {
    if ((--fiber.foreign_locks & ~was_pinned) != 0) return;
    auto& self = static_cast<task&>(fiber);
    self.pinned = fiber.foreign_locks == was_pinned;
    fiber.foreign_locks = 0;
    --this_worker()->stayers;
}

}  // namespace ramie::detail
