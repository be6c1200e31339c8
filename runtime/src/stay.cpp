#include <ramie/detail/stay.hpp>

#include "carrier.hpp"
#include "worker.hpp"

namespace ramie::detail {

stay::stay(waiter& fiber) noexcept : self_(static_cast<task&>(fiber)), pinned_before_(self_.pinned) {
    ++this_worker()->stayers;
    self_.pinned = true;
}

stay::~stay() {
    self_.pinned = pinned_before_;
    --this_worker()->stayers;
}

}  // namespace ramie::detail
