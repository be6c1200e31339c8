// Phases: a number of parties meet again and again, and none goes on before all have come.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/this_fiber.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace ramie {

namespace detail {

// A barrier without its completion function. Its owner calls end_phase() whenever arrive() says that all have come.
class barrier_phases {
  public:
    constexpr explicit barrier_phases(std::ptrdiff_t expected) : expected_(expected), missing_(expected) {
        if (expected < 0) refuse();
    }
    RAMIE_API ~barrier_phases();

    struct arrival {
        std::uint64_t phase;
        bool last;
    };
    [[nodiscard]] RAMIE_API arrival arrive(std::ptrdiff_t n, bool drop);
    RAMIE_API void end_phase() noexcept;
    RAMIE_API void wait(std::uint64_t phase) const;

  private:
    [[noreturn]] RAMIE_API static void refuse();

    mutable word_lock guard_;
    mutable wait_queue queue_;  // waiters for the end of phase_
    std::ptrdiff_t expected_;   // in each later phase
    std::ptrdiff_t missing_;    // in this phase; 0: the last arrival runs the completion
    std::uint64_t phase_ = 0;
};

struct no_completion {
    void operator()() const noexcept {}
};

}  // namespace detail

// As std::barrier. The last arrival runs the completion function, on its own stack, before the others go on; the
// function may wait (shielded from abort) and must not throw. As with tokio's Barrier, each phase has one leader: the
// caller of arrive_and_wait() that arrived last; it gets true. (There is no leader if the last arrival called arrive()
// or arrive_and_drop().)
//
// An abort or a passed timeout while waiting does not take the arrival back: the others go on when all have come. A
// party that stays away from later phases must call arrive_and_drop(). From fibers and plain threads.
template <class Completion = detail::no_completion>
class barrier {
  public:
    // Names the phase of the arrival.
    class [[nodiscard]] arrival_token {
      public:
        arrival_token(arrival_token&&) noexcept = default;
        arrival_token& operator=(arrival_token&&) noexcept = default;

      private:
        friend class barrier;
        explicit arrival_token(std::uint64_t phase) noexcept : phase_(phase) {}
        std::uint64_t phase_;
    };

    // std::invalid_argument if negative.
    constexpr explicit barrier(std::ptrdiff_t expected, Completion completion = Completion())
        : phases_(expected), completion_(std::move(completion)) {}
    barrier(barrier const&) = delete;
    barrier& operator=(barrier const&) = delete;
    // Dies with a message if a fiber or thread waits.
    ~barrier() = default;

    static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

    // Arrives n times. Not an abort point; waits only if the completion function does. std::logic_error if fewer are
    // missing.
    arrival_token arrive(std::ptrdiff_t n = 1) { return arrival_token(come(n, false).phase); }
    // Waits for the end of the token's phase. Suspension point.
    void wait(arrival_token&& token) const { phases_.wait(token.phase_); }
    // arrive() and wait(). True for the phase's leader. Suspension point; if an abort is pending on entry, it does not
    // arrive.
    bool arrive_and_wait() {
        (void)detail::waiter::enter();
        auto const mine = come(1, false);
        if (!mine.last) phases_.wait(mine.phase);
        return mine.last;
    }
    // Arrives, and is not expected in later phases. Else as arrive().
    void arrive_and_drop() { (void)come(1, true); }

  private:
    detail::barrier_phases::arrival come(std::ptrdiff_t n, bool drop) {
        auto const mine = phases_.arrive(n, drop);
        if (mine.last) complete();
        return mine;
    }
    void complete() noexcept {
        abort_shield whole;
        completion_();
        phases_.end_phase();
    }

    detail::barrier_phases phases_;
    [[no_unique_address]] Completion completion_;
};

}  // namespace ramie
