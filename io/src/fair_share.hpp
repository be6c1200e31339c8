// How long a fiber may go on with I/O that never has to wait before it must let others run.
#pragma once

namespace ramie::detail {

class waiter;

// An operation of `who` begins on this thread: true if it has begun so many in a row, without waiting and without
// another one in between, that it must yield first. For fibers.
bool share_is_used_up(waiter const& who) noexcept;

// `who` has waited: it starts anew.
void renew_share(waiter const& who) noexcept;

}  // namespace ramie::detail
