// One descriptor's readiness: a word that says what may succeed, and the queues of the waiting fibers.
//
// The kernel reports edges: "something new since the last report". So a bit, once set, stays until a user's system call
// finds nothing left. Only that user clears it.
//
//   bit  0     readable     a read may succeed
//   bit  1     writable     a write may succeed
//   bit  2     read ended   RDHUP, HUP or ERR was reported: the next read may get no further edge. So with urgent
//                           data (PRI), where reads are cut short although more follows. Never cleared
//   bit  3     write ended  HUP or ERR was reported. Never cleared
//   bit  4     closed       close() was called. Never cleared
//   bit  5     unwatched    the runtime that would report edges is gone, or in another process. Never cleared
//   bits 8-31  tick         counts reports, so that a reader can tell whether there was one while it was reading
//   bits 32-63 generation   counts the descriptors that used this slot; a report for an earlier one is ignored
//
// A harvester (raise):
//   (1) sets the bits and the tick, if the generation is right;
//   (2) locks, claims all waiters of those directions, unlocks, resumes them.
// A reader:
//   (1) notes the word; (2) reads;
//   (3) if nothing is left, clears the bit, unless the tick has changed since (1). A report between (1) and (3) thus
//       keeps the bit: at worst there is one read too many.
//   "Nothing is left" is EAGAIN; or, for streams, fewer bytes than asked for, unless `read ended` was noted: data and
//   the end of the stream may come in one report, and after the data the end is still to be read.
// A waiter (wait):
//   (1) locks; (2) looks at the bit; (3) queues itself; (4) parks. The lock is released once it is parked.
//   It either sees the bit in (2), or the harvester's (2) comes later and finds it in the queue.
// All waiters of a direction are claimed, because one report may be good for several of them. Each then tries again
// from the start, so a wake-up for nothing is harmless.
//
// Checked by a model (tests/model/registration_test.cpp).
#pragma once

#include "ready/prefetch.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ready/direction.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <cstdint>

namespace ramie::detail {

// A noted word.
class readiness {
  public:
    explicit readiness(std::uint64_t word) noexcept : word_(word) {}
    bool ready(direction d) const noexcept { return (word_ & ready_bit(d)) != 0; }
    bool ended(direction d) const noexcept { return (word_ & ended_bit(d)) != 0; }
    bool is_closed() const noexcept { return (word_ & closed_bit) != 0; }
    std::uint32_t generation() const noexcept { return static_cast<std::uint32_t>(word_ >> generation_shift); }
    bool is_unwatched() const noexcept { return (word_ & unwatched_bit) != 0; }

  private:
    friend class registration;
    static constexpr std::uint64_t closed_bit = 1u << 4, unwatched_bit = 1u << 5, one_tick = 1u << 8,
                                   tick_mask = 0xffff'ff00u;
    static constexpr int generation_shift = 32;
    static constexpr std::uint64_t ready_bit(direction d) noexcept { return d == direction::read ? 1 : 2; }
    static constexpr std::uint64_t ended_bit(direction d) noexcept { return d == direction::read ? 4 : 8; }

    std::uint64_t word_;
};

class registration {
  public:
    // --- its owner, before any other thread knows of it ---
    // Starts a new generation and returns it. Both directions count as ready, since the first attempt finds out;
    // reading does not if `readable` is false.
    std::uint32_t begin(bool readable = true) noexcept;

    // --- harvesters ---
    // The kernel reported these EPOLL* events for that generation.
    void raise(std::uint32_t generation, std::uint32_t events) noexcept;

    // --- users ---
    // acquire pairs with the release in raise(): after a report is seen, the next system call sees what was reported.
    readiness look() const noexcept { return readiness(word_.load(std::memory_order_acquire)); }
    // Nothing is left; that was found out after `noted`.
    void clear(direction d, readiness noted) noexcept;
    // Waits until the direction may be ready, the registration is closed or unwatched, or the limit has passed.
    // Suspension point; throws aborted and deadline_passed.
    void wait(waiter& self, direction d, char const* what, time_point limit = never);

    // The two halves of a wait, for a select. `whenever`: queue the node even if the direction may be ready already.
    // False: no need to wait, and the node is not queued.
    bool enlist(direction d, wait_node& node, bool whenever) noexcept;
    // Takes the node out again. True: the wait was claimed through it.
    bool withdraw(direction d, wait_node& node) noexcept;

    // --- the end ---
    // All waiters are woken, and no later wait waits.
    void close() noexcept { end(readiness::closed_bit); }
    void unwatch() noexcept { end(readiness::unwatched_bit); }

    // --- any thread; nothing else here depends on it ---
    last_waiter& last() noexcept { return last_; }
    last_waiter const& last() const noexcept { return last_; }

  private:
    wait_queue& queue(direction d) noexcept { return d == direction::read ? readers_ : writers_; }
    void end(std::uint64_t bit) noexcept;
    void be_unwatched() noexcept;

    atomic<std::uint64_t> word_{readiness::closed_bit};
    word_lock lock_;      // guards the queues
    wait_queue readers_;
    wait_queue writers_;
    last_waiter last_;
};

}  // namespace ramie::detail
