// What select asks of a case. A case is an object in select's frame; everything that can be waited for offers one
// (on_receive, on_join, on_accept, ...), and select knows nothing more about it than select_case below.
//
//   bool poll()                  takes effect at once if it can do so without waiting; may throw, then it took none
//   enlisting enlist(waiter&, g) as poll, or puts itself where wakers see (waiter, g); may throw, then it did neither
//   bool withdraw()              takes itself away again; true: a waker claimed the wait through this case
//   time_point limit()           when it is due by itself (sleeps); never otherwise
//   void complete()              it won: calls the user's handler
//
// Two phases, so that only the winner takes effect: a waker hands something over only inside a claim of (waiter, g),
// and a case that finds itself ready while it enlists must claim (waiter, g) first, too. There is one claim to win, so
// no message is taken and no permit kept by a loser. A node is left under its queue's lock only, so what a waker wrote
// is complete then.
//
// A case that is only told that it may be ready (a socket) does not take effect when it wins by enlisting, by a waker
// or by its limit, and so has two more members:
//   bool confirm()               takes effect now, without waiting; false: nothing was left, and the select goes on; may throw
//   bool poll_only()             instead of poll in a select that does not wait: asks although it has not been told
//
// The calls come in this order: move construction; poll; if no case was ready, enlist (until one is not `queued`), then
// withdraw for every case whose enlist was called and did not throw; confirm for the winner, and all again if it says
// no; complete for the winner alone. A case that has to give way to others when it leaves a queue (a semaphore's) does
// so in withdraw. What waits in one queue need not write all this: want.hpp.
#pragma once

#include <ramie/detail/wait/waiter.hpp>

#include <concepts>
#include <cstdint>

namespace ramie::detail {

enum class enlisting : std::uint8_t {
    queued,  // waits
    won,     // was ready, claimed the wait itself and took effect
    lost     // was ready, but the wait was claimed through another case already
};

template <class C>
concept select_case = std::move_constructible<C> && requires(C c, C const& k, waiter& self, std::uint64_t g) {
    { c.poll() } -> std::same_as<bool>;
    { c.enlist(self, g) } -> std::same_as<enlisting>;
    { c.withdraw() } noexcept -> std::same_as<bool>;
    { k.limit() } noexcept -> std::same_as<time_point>;
    c.complete();
};

// The claim a case makes for itself when it is ready while enlisting.
inline bool claim_for_itself(waiter& self, std::uint64_t g) noexcept {
    return self.state.claim(g, task_state::outcome::woken) != task_state::claim_result::lost;
}

}  // namespace ramie::detail
