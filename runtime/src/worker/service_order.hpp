// The order of service: from which of a worker's own queues the next task comes. The rule alone: it sees which queues
// are empty, and touches none. order.md says what follows from it for each source, and how long a task may wait at
// most.
//
// At each pick, the first of these that has something:
//   1. own      at every other pick
//   2. ring     if the next-slot was served three times in a row, or the ring is due
//   3. next     a joiner just woken comes before new tasks, or fork-join would go breadth-first
//   4. ring     at the picks between: started tasks and new ones take turns
//   5. spawned  the newest one
//   6. ring
//   7. own
// A pick at which a look is due takes nothing: the worker first looks at what lies outside of its queues, and what
// waited too long in one of them moves to the ring.
//
// The worker's thread alone.
#pragma once

#include <cstdint>

namespace ramie::detail {

class service_order {
  public:
    enum class source : std::uint8_t { nothing, own, next, ring, spawned };
    using tick = std::uint64_t;  // how many picks the worker has begun

    // Two tasks that wake each other would be served from the next-slot without an end. After three in a row the ring
    // has its turn: a message and its answer stay together, and the ring waits little.
    static constexpr unsigned next_in_a_row = 3;
    // A look costs a system call, as much as some dozens of switches; but deadlines, and what other threads post, wait
    // for it.
    static constexpr tick picks_between_looks = 61;
    // The streak begins anew when a spawned task is served. So a task that spawns and joins without an end could keep
    // the ring waiting for ever: spawned, next, spawned, next. Therefore the ring comes first once between two looks,
    // half-way.
    static constexpr tick picks_until_ring_is_due = 31;

    // --- at each pick ---
    // Something is to be done that choose() leaves out: attend().
    [[gnu::always_inline]] bool is_due(tick now) const noexcept { return now >= due_at_; }
    // True: the worker is to look around before it takes anything. False: it may choose; if the ring was due, it comes
    // first.
    [[nodiscard]] bool attend(tick now) noexcept {
        if (wants_look(now)) return true;
        if (now >= planned_at_) {
            planned_at_ = last_look_ + picks_between_looks;
            streak_ = next_in_a_row;
        }
        due_at_ = planned_at_;
        return false;
    }
    // `waits` says of each source whether something is there: own(), next(), ring(), spawned(). It is asked for no more
    // than what is needed.
    template <class Waits>
    [[nodiscard, gnu::always_inline]] source choose(tick now, Waits const& waits) const noexcept {
        bool const turn_of_own = (now & 1) != 0;
        if (waits.own() && turn_of_own) [[unlikely]] return source::own;
        if (streak_ < next_in_a_row || !waits.ring()) {
            if (waits.next()) return source::next;
            if (waits.spawned() && (turn_of_own || !waits.ring())) return source::spawned;
        }
        if (waits.ring()) return source::ring;
        return waits.own() ? source::own : source::nothing;
    }
    // What was chosen was taken, or was gone when it was to be taken.
    [[gnu::always_inline]] void took(source s) noexcept {
        if (s == source::next) streak_ = streak_ >= next_in_a_row ? 1 : streak_ + 1;
        else if (s != source::own) streak_ = 0;
    }

    // --- looking around ---
    bool wants_look(tick now) const noexcept { return now - last_look_ >= picks_between_looks; }
    void looked(tick now) noexcept {
        last_look_ = now;
        planned_at_ = due_at_ = now + picks_until_ring_is_due;
    }
    // Something has changed that only the worker's loop sees: the next pick is due.
    void hurry() noexcept { due_at_ = 0; }

  private:
    unsigned streak_ = 0;  // picks of the next-slot in a row
    tick last_look_ = 0;
    tick planned_at_ = picks_until_ring_is_due;  // when the ring is due, or the next look
    tick due_at_ = picks_until_ring_is_due;      // the same, or sooner: hurry()
};

}  // namespace ramie::detail
