#include "fair_share.hpp"

#include <ramie/detail/config.hpp>

namespace ramie::detail {

namespace {

constexpr unsigned operations_in_a_row = 64;

struct share {
    waiter const* of = nullptr;
    unsigned used = 0;
};
constinit thread_local share current;

}  // namespace

// Opaque, as everything that reads a thread-local is: the caller may have moved to another thread since it last asked.
RAMIE_NOIPA bool share_is_used_up(waiter const& who) noexcept {
    if (current.of != &who) current = {&who, 0};
    if (++current.used <= operations_in_a_row) return false;
    current.used = 0;
    return true;
}

RAMIE_NOIPA void renew_share(waiter const& who) noexcept { current = {&who, 0}; }

}  // namespace ramie::detail
