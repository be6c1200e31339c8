// A gate that is passed all the time and closed rarely. Passing costs a load and a compare; the thread that closes the
// gate pays for both sides.
//
//   light side: each time                         heavy side, one thread at a time
//   1. writes A                                   a. close():  state_ = closed
//   2. pass():  compiler fence                    b.           full fence, and membarrier if the gate was open
//   3.          state_ is closed?                 c. reads A
//               no:  goes on                      d. open(), if ever: state_ = open
//               yes: does what a closed gate means
//
// Either c reads what 1 wrote, or 3 sees the gate closed. What A is, and what a closed gate means:
//
//   bias         A: the owner is inside its lock          closed: the lock has no owner any more
//   solitude     A: the owner is inside its queues, or    closed: the owner is one of many
//                   what it has added to them
//   next_slot    A: the owner is at its slot              closed: a thief is at it; the owner waits at the thief's lock
//   live_table   A: the task has left its place           closed: a walk is under way; the end of a task waits for it
//   ending       A: the task is listed                    closed: the runtime ends, and the task came too late
//   idle_set     A: a task is where workers look for one  closed: a worker is listed as a sleeper; it may have to be woken
//
// Proof. membarrier runs a full barrier on every thread at some point of b. If a light thread's 3 comes after its
// barrier, it reads what a wrote, or something newer. If 3 comes before it, so does 1, and c reads it.
//
// What 3 finds open after a walk, a theft or other work of the heavy side comes after that work: 3 acquires what d
// released.
//
// The fallback is the same for all. While membarrier does not work, open() says `fenced` instead of `open`: then 2 is a
// full fence, and 3 reads again. Of the two full fences, 2 and b, one comes first; so if 3 does not see a, b is the
// later one, and c reads what 1 wrote.
//
// If the kernel refuses membarrier later, a gate may have been open at that moment. Its b then waits ten milliseconds,
// once: a light thread that read `open` before a may be under way, but after that time its A can be read
// (membarrier.hpp, which says what is unproved). The next open() of this gate says `fenced`.
//
// Checked by the models of its users, with membarrier, without, and where it is refused in b (tests/model).
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/membarrier.hpp>

#include <cstdint>

namespace ramie::detail {

class asymmetric_gate {
  public:
    constexpr asymmetric_gate() = default;  // closed

    // --- the light side, after it has written A ---
    // False: the gate is closed.
    [[nodiscard, gnu::always_inline]] bool pass() const noexcept {
        compiler_fence();  // step 2; pairs with the barrier in close()
        // acquire here and below pairs with the release in open().
        auto const seen = state_.load(std::memory_order_acquire);
        if (seen == state::open) [[likely]] return true;
        if (seen == state::closed) return false;
        thread_fence(std::memory_order_seq_cst);  // step 2 without membarrier; pairs with the fence in close()
        return state_.load(std::memory_order_acquire) != state::closed;
    }

    // --- the heavy side ---
    void open() noexcept {
        auto const how = membarrier_works.load(std::memory_order_relaxed) ? state::open : state::fenced;
        state_.store(how, std::memory_order_release);  // pairs with pass()
    }
    // After it, every A is seen that a light thread wrote before it passed.
    void close() noexcept {
        auto const was = state_.load(std::memory_order_relaxed);
        state_.store(state::closed, std::memory_order_relaxed);
        thread_fence(std::memory_order_seq_cst);  // pairs with the one in pass()
        if (was == state::open && !fence_every_thread()) [[unlikely]] wait_for_store_buffers();
    }

    // --- any thread; only a hint ---
    bool is_closed() const noexcept { return state_.load(std::memory_order_relaxed) == state::closed; }

  private:
    enum class state : std::uint8_t { closed, open, fenced };

    atomic<state> state_{state::closed};
};

}  // namespace ramie::detail
