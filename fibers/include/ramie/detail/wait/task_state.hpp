// The state word: the phase of a task's life, and the one race that every wait has.
//
//   bits 0-1   phase       unstarted  in at most one run queue (or claimed by no thread), owns no stack
//                          running    on a worker, or in exactly one run queue, or owned by the thread that claimed it
//                          parked     in no run queue; its registers are saved; waits to be claimed
//                          finished   its body is over; its result is in place, if a handle can still receive it
//   bits 2-3   outcome     how the wait of the previous generation ended (meaningful once it was claimed)
//   bit  4     abort       the task was asked to stop. Sticky: set once, never cleared
//   bit  5     abortable   together with `parked`: the wait it is parked in may be ended by abort
//              telling     together with `finished`: it has ended, and the finisher tells its end note. That takes a
//                          few instructions; until then the block is not freed, and is_finished() and so a join wait
//   bit  6     joiner      a joiner is registered in task::joiner. Never set once finished
//   bit  7     handle      a join_handle exists that can receive the result
//   bits 8-27  references  further holders: abort handles, walkers of the live table, stale queue entries
//   bit  28    held        together with `parked`: a walker looks at the waiter (below). What a claimer compares includes it, so
//                          that the usual claim has nothing more to ask
//   bits 29-63 generation  counts waits: it moves on when a wait is claimed, so a waker of an old wait loses
//
//   unstarted --start--> running --park--> parked --claim--> running --finish--> finished
//       \--abort (the aborter now owns it and finishes it)--/
//
// One wait, three parties that may end it (a waker, an abort, a deadline), one winner:
//   1. the waiter reads generation() = g and shows (itself, g) to wakers, in a queue or a joiner slot;
//   2. a waker calls claim(g, woken); the first claim of g moves the word to g+1 and wins; later ones are told `lost`;
//   3. the waiter parks: after its registers are saved, park(g) is called for it on the other side of the switch.
//      If g was claimed in the meantime, park says `resume_now`, and the winner of the claim was told `nothing_more`:
//      the waiter was still running and must not be submitted by the claimer.
// So exactly one party submits the waiter: the claimer that found it parked, or the errand that could not park it.
//
// When the block is freed: it is kept while the task is not finished (the life), or has the handle bit, or
// references. One word has all three, so each of finish(), release_handle() and drop_ref() knows by its own transition
// whether it was the last.
//
// The end, in one step or in two. finish(false) is the plain end: the live table was told before. But until that step
// the handle may be dropped, and then the result must be destroyed first. A scope or tracker may be told only when
// nothing of the task is left; so it is told between finish(true) and told(): the first of these decides to whom the
// result belongs.
//
// Holding. A walker (a dump) may read what a waiter waits for, and the stack that it waits on, only while no other
// party can resume it:
//   1. the walker has a reference (a thread's: the lock of the list of threads), and hold() finds the waiter parked;
//   2. a waker, an abort or a deadline that comes now does not find its wait. It looks why, waits until the walker lets
//      go, and claims then: a wait that was held goes on as if the walker had come and gone before;
//   3. the walker copies what it needs, and lets go.
// Between 1 and 3 the walker takes no lock, allocates nothing, calls no user code and does not wait. A claimer may well
// hold the lock of what is waited for: so it waits for some microseconds, as for any holder of a word_lock, and never
// for ever. What is waited for outlives the hold, because its waker cannot end this wait. A task that finishes
// meanwhile is another one: a held waiter does not run. Two walkers: the second waits for the first.
//
// A plain thread that waits has such a word too (waiter.hpp); it uses only running and parked.
//
// Each transition has a precondition, which builds without NDEBUG check; a breach ends the process with the word in
// plain text (task_state_text.cpp).
//
// Checked by models (tests/model/task_state_test.cpp): waits, starts, joins, holds and the end, in one step and in two.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/language.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace ramie::detail {

class task_state {
  public:
    enum class phase : std::uint8_t { unstarted, running, parked, finished };
    enum class outcome : std::uint8_t { none, woken, aborted, deadline };

    // A task is born with a handle; a waiting thread is born running.
    explicit task_state(phase p, bool handle = false) noexcept
        : word_(static_cast<std::uint64_t>(p) | (handle ? handle_bit : 0)) {}

    // --- looking (any thread) ---
    // acquire pairs with the release in finish(): once `finished` is seen, so is the result. Not for threads for which
    // the finisher may have to wait (a walk of the live table, the holder of a scope's lock).
    bool is_finished() const noexcept {
        auto const w = word_.load(std::memory_order_acquire);
        if (phase_of(w) != phase::finished) return false;
        if ((w & telling_bit) != 0) [[unlikely]] wait_until_told();
        return true;
    }
    bool abort_requested() const noexcept { return (word_.load(std::memory_order_relaxed) & abort_bit) != 0; }
    // For the finisher: false is final, since only a handle could make another handle.
    bool has_handle() const noexcept { return (word_.load(std::memory_order_relaxed) & handle_bit) != 0; }
    // A joiner is registered in task::joiner, or was when the task finished.
    bool has_joiner() const noexcept { return (word_.load(std::memory_order_relaxed) & joiner_bit) != 0; }
    phase current() const noexcept { return phase_of(word_.load(std::memory_order_relaxed)); }

    // The word taken apart, for messages.
    struct snapshot {
        phase now;
        outcome last;
        bool abort, abortable, telling, joiner, handle;
        std::uint32_t references;
        std::uint64_t generation;

        // "parked, can be aborted, has a handle, references: 2, wait 7". Returns `into`.
        char const* text(char* into, std::size_t size) const noexcept;
    };
    snapshot look() const noexcept { return taken_apart(word_.load(std::memory_order_relaxed)); }

    // As abort_requested(), but as a read-modify-write: an abort() that comes after it sees all that was done before it
    // (release; pairs with the acquire in abort()), and an abort() that came before it is seen.
    bool abort_requested_in_order() noexcept {
        return (word_.fetch_or(0, std::memory_order_release) & abort_bit) != 0;
    }

    // --- the waiter itself, while running ---
    // Does not change until the waiter has shown it to a waker.
    std::uint64_t generation() const noexcept { return generation_of(word_.load(std::memory_order_relaxed)); }
    // How the last wait ended. acquire pairs with the release in claim(): a waiter that finds its wait claimed before
    // it parked has met the claimer nowhere else. So each wait ends with this.
    outcome last_outcome() const noexcept { return outcome_of(word_.load(std::memory_order_acquire)); }

    // --- transitions ---

    enum class [[nodiscard]] release_result : std::uint8_t {
        nothing,
        free_it  // it was the last
    };
    // For a holder of a reference, or of the handle.
    void add_ref() noexcept {
        auto const before = word_.fetch_add(one_ref, std::memory_order_relaxed);
        if ((before & refs_mask) == refs_mask) too_many_refs();
        expect(released(before) == release_result::nothing, "add_ref() to a block that is free", before);
    }
    // release: all use of the block comes before it is freed; acquire by the thread that frees it.
    release_result drop_ref() noexcept {
        auto const before = word_.fetch_sub(one_ref, std::memory_order_acq_rel);
        expect((before & refs_mask) != 0, "drop_ref() without a reference", before);
        return released(before - one_ref);
    }
    // For a finished task; its handle is gone then.
    release_result release_handle() noexcept {
        auto const w = word_.load(std::memory_order_acquire);
        expect(phase_of(w) == phase::finished && (w & handle_bit) != 0, "release_handle() without one, or too early", w);
        // No thread can make a reference any more.
        if ((w & (refs_mask | telling_bit)) == 0) return release_result::free_it;
        return released(word_.fetch_and(~handle_bit, std::memory_order_acq_rel) & ~handle_bit);
    }

    enum class [[nodiscard]] start_result : std::uint8_t {
        run_it,  // it is the caller's to run (or to cancel)
        stale    // another thread started or cancelled it: forget this queue entry
    };
    // By the thread that has its queue entry. `joins`: this also registers its joiner, as add_joiner() does.
    start_result start(bool joins = false) noexcept {
        auto w = word_.load(std::memory_order_relaxed);
        while (phase_of(w) == phase::unstarted) {
            // relaxed: what the task needs came with its queue entry; and the thread that starts it (and has written the
            // joiner's slot, if it joins) is the one that runs it.
            auto const next = with_phase(w, phase::running) | (joins ? joiner_bit : 0);
            if (word_.compare_exchange_weak(w, next, std::memory_order_relaxed)) return start_result::run_it;
        }
        return start_result::stale;
    }

    enum class [[nodiscard]] park_result : std::uint8_t {
        parked,     // from here on a claimer may run it on another thread: do not touch it
        resume_now  // it was claimed (or is being aborted): make it runnable
    };
    // Called for the waiter once its registers are saved (a plain thread calls it for itself). Inlined by force: two percent of
    // a message's way there and back.
    [[gnu::always_inline]] park_result park(std::uint64_t g, bool abortable) noexcept {
        // relaxed: what a claimer hands over is acquired in last_outcome(), parked or not.
        auto w = word_.load(std::memory_order_relaxed);
        for (;;) {
            if (generation_of(w) != g) return park_result::resume_now;
            expect(phase_of(w) == phase::running, "park() of a waiter that does not run", w);
            bool const refuse = abortable && (w & abort_bit) != 0;
            auto const next = refuse ? claimed(w, outcome::aborted)
                                     : with_phase(w & ~outcome_mask, phase::parked) | (abortable ? abortable_bit : 0);
            // release pairs with the acquire in claim() and abort(): the claimer may resume it, so it must see its
            // saved registers.
            if (word_.compare_exchange_weak(w, next, std::memory_order_release, std::memory_order_relaxed))
                return refuse ? park_result::resume_now : park_result::parked;
        }
    }

    enum class [[nodiscard]] claim_result : std::uint8_t {
        lost,          // that wait is over: the waiter got nothing, and the caller must offer it to the next one
        nothing_more,  // won; the waiter had not parked yet and will notice by itself
        submit_it      // won; make it runnable
    };
    claim_result claim(std::uint64_t g, outcome how) noexcept {
        auto w = word_.load(std::memory_order_relaxed);
        for (;;) {
            if (generation_of(w) != g || phase_of(w) == phase::finished) [[unlikely]] return claim_with_care(w, g, how);
            expect(phase_of(w) != phase::unstarted, "claim() of a wait that was not shown", w);
            // acquire pairs with park()'s release, release with last_outcome()'s acquire.
            if (word_.compare_exchange_weak(w, claimed(w, how), std::memory_order_acq_rel, std::memory_order_relaxed))
                return phase_of(w) == phase::parked ? claim_result::submit_it : claim_result::nothing_more;
        }
    }

    enum class [[nodiscard]] abort_result : std::uint8_t {
        nothing,    // the task will notice at its next abort point, or has ended
        submit_it,  // it was parked; the caller must make it runnable
        cancel_it   // it had not started; finish it as cancelled. Its queue entry is stale, with a reference
    };
    // `only_mark`: an unstarted task is left to the thread that will start it and then sees the mark.
    abort_result abort(bool only_mark = false) noexcept {
        auto w = word_.load(std::memory_order_relaxed);
        for (;;) {
            if (phase_of(w) == phase::finished || (w & abort_bit) != 0) return abort_result::nothing;
            auto next = w | abort_bit;
            auto result = abort_result::nothing;
            if (phase_of(w) == phase::unstarted) {
                if (!only_mark) next = with_phase(next, phase::running) + one_ref, result = abort_result::cancel_it;
            } else if (phase_of(w) == phase::parked && (w & abortable_bit) != 0) {
                if ((w & held_bit) != 0) [[unlikely]] return abort_with_care(only_mark);
                next = claimed(next, outcome::aborted);
                result = abort_result::submit_it;
            }
            // acquire pairs with park()'s release and with abort_requested_in_order().
            if (word_.compare_exchange_weak(w, next, std::memory_order_acq_rel, std::memory_order_relaxed))
                return result;
        }
    }

    enum class [[nodiscard]] finish_result : std::uint8_t {
        discard_result_first,  // no handle can receive it: not finished yet; destroy the result, then call again
        tell_end,              // finished; tell its end note, then call told()
        wake_joiner,           // finished; claim task::joiner
        free_it,               // finished, and there are no holders
        nothing                // finished
    };
    finish_result finish(bool has_result, bool tells = false) noexcept {
        auto w = word_.load(std::memory_order_relaxed);
        for (;;) {
            expect(phase_of(w) == phase::running, "finish() of a task that does not run", w);
            if (has_result && (w & handle_bit) == 0) return finish_result::discard_result_first;
            // release pairs with is_finished(); acquire pairs with add_joiner()'s release (the joiner's slot) and with
            // the releases of holders that let go before.
            auto const next = with_phase(w, phase::finished) | (tells ? telling_bit : 0);
            if (!word_.compare_exchange_weak(w, next, std::memory_order_acq_rel, std::memory_order_relaxed)) continue;
            return tells ? finish_result::tell_end : after_finish(next);
        }
    }
    // After `tell_end`. Orders as in finish().
    finish_result told() noexcept {
        auto const before = word_.fetch_and(~telling_bit, std::memory_order_acq_rel);
        expect(phase_of(before) == phase::finished && (before & telling_bit) != 0, "told() without tell_end", before);
        return after_finish(before & ~telling_bit);
    }

    enum class [[nodiscard]] joiner_result : std::uint8_t {
        registered,
        finished,
        occupied  // another one is registered: a mistake of the handle's owner
    };
    // release pairs with the acquire in finish(): the slot was written before.
    joiner_result add_joiner() noexcept {
        auto w = word_.load(std::memory_order_acquire);  // acquire pairs with finish()'s release
        for (;;) {
            if (phase_of(w) == phase::finished) {
                if ((w & telling_bit) != 0) [[unlikely]] wait_until_told();  // as in is_finished()
                return joiner_result::finished;
            }
            if ((w & joiner_bit) != 0) return joiner_result::occupied;
            if (word_.compare_exchange_weak(w, w | joiner_bit, std::memory_order_release, std::memory_order_acquire))
                return joiner_result::registered;
        }
    }

    enum class [[nodiscard]] leave_result : std::uint8_t {
        left,               // the joiner slot is the joiner's again
        finisher_has_slot   // finished; the finisher clears task::joiner when it is done with it
    };
    // relaxed: a finisher that does not see the joiner does not read the slot either; one that has it says when it is done
    // with it (join.cpp).
    leave_result remove_joiner() noexcept {
        auto w = word_.load(std::memory_order_relaxed);
        for (;;) {
            expect((w & joiner_bit) != 0, "remove_joiner() without one", w);
            if (phase_of(w) == phase::finished) return leave_result::finisher_has_slot;
            if (word_.compare_exchange_weak(w, w & ~joiner_bit, std::memory_order_relaxed))
                return leave_result::left;
        }
    }

    enum class [[nodiscard]] detach_result : std::uint8_t {
        discard_result,  // finished: the caller must report and destroy the result, then release_handle()
        nothing          // still running: the handle is gone, and finish() will see that no handle receives the result
    };
    detach_result drop_handle() noexcept {
        auto w = word_.load(std::memory_order_acquire);  // acquire pairs with finish()'s release
        expect((w & handle_bit) != 0, "drop_handle() without one", w);
        while (phase_of(w) != phase::finished) {
            // release pairs with the acquire in finish(): what the holder did with the block comes before it is freed.
            if (word_.compare_exchange_weak(w, w & ~handle_bit, std::memory_order_release, std::memory_order_acquire))
                return detach_result::nothing;
        }
        return detach_result::discard_result;
    }

    // --- a walker, which has a reference ---
    // True: the waiter is parked, and stays so until let_go(). False: it is not parked.
    [[nodiscard]] bool hold() noexcept {
        auto w = word_.load(std::memory_order_relaxed);
        for (;;) {
            if (phase_of(w) != phase::parked) return false;
            if ((w & held_bit) != 0) [[unlikely]] {
                w = wait_until_let_go();
                continue;
            }
            // acquire pairs with park()'s release: the saved registers, and what the waiter has shown.
            if (word_.compare_exchange_weak(w, w | held_bit, std::memory_order_acquire, std::memory_order_relaxed)) return true;
        }
    }
    // release pairs with the acquire in claim() and abort(): the waiter writes again only after the walker has read.
    void let_go() noexcept { word_.fetch_and(~held_bit, std::memory_order_release); }

  private:
    static constexpr std::uint64_t phase_mask = 3, outcome_mask = 3u << 2, abort_bit = 1u << 4,
                                   abortable_bit = 1u << 5, telling_bit = abortable_bit, joiner_bit = 1u << 6,
                                   handle_bit = 1u << 7;
    static constexpr std::uint64_t one_ref = 1u << 8, refs_mask = 0xfffffu << 8;
    static constexpr std::uint64_t held_bit = 1u << 28;
    // `held` is the lowest bit of a generation as claimers compare it, and so 0 in all that they are given.
    static constexpr int generation_shift = 28;
    static constexpr std::uint64_t next_generation = std::uint64_t{1} << (generation_shift + 1);

    static release_result released(std::uint64_t w) noexcept {
        return phase_of(w) == phase::finished && (w & (handle_bit | refs_mask | telling_bit)) == 0
                   ? release_result::free_it
                   : release_result::nothing;
    }
    static finish_result after_finish(std::uint64_t w) noexcept {
        if ((w & joiner_bit) != 0) return finish_result::wake_joiner;
        return released(w) == release_result::free_it ? finish_result::free_it : finish_result::nothing;
    }
    RAMIE_API void wait_until_told() const noexcept;
    // Returns the word.
    RAMIE_API std::uint64_t wait_until_let_go() const noexcept;
    // Of a wait that is over, or is held. Apart from the usual claim, which then saves no registers.
    [[gnu::noinline]] RAMIE_API claim_result claim_with_care(std::uint64_t w, std::uint64_t g, outcome how) noexcept;
    [[gnu::cold, gnu::noinline]] RAMIE_API abort_result abort_with_care(bool only_mark) noexcept;
    static snapshot taken_apart(std::uint64_t w) noexcept {
        bool const over = phase_of(w) == phase::finished;
        return {phase_of(w), outcome_of(w), (w & abort_bit) != 0, !over && (w & abortable_bit) != 0,
                over && (w & telling_bit) != 0, (w & joiner_bit) != 0, (w & handle_bit) != 0,
                static_cast<std::uint32_t>((w & refs_mask) / one_ref), generation_of(w) >> 1};
    }
    // The precondition of a transition from `w`.
    static void expect([[maybe_unused]] bool holds, [[maybe_unused]] char const* breach,
                       [[maybe_unused]] std::uint64_t w) noexcept {
#if !defined(NDEBUG)
        if (!holds) [[unlikely]] die_of(breach, w);
#endif
    }
    [[noreturn, gnu::cold]] RAMIE_API static void die_of(char const* breach, std::uint64_t w) noexcept;
    [[noreturn]] static void too_many_refs() noexcept {
        std::fputs("ramie: a task has more than 1,000,000 abort_handles\n", stderr);
        std::abort();
    }
    static phase phase_of(std::uint64_t w) noexcept { return static_cast<phase>(w & phase_mask); }
    static outcome outcome_of(std::uint64_t w) noexcept { return static_cast<outcome>((w & outcome_mask) >> 2); }
    static std::uint64_t generation_of(std::uint64_t w) noexcept { return w >> generation_shift; }
    static bool is_held(std::uint64_t w, std::uint64_t g) noexcept { return generation_of(w ^ held_bit) == g; }
    static std::uint64_t with_phase(std::uint64_t w, phase p) noexcept {
        return (w & ~phase_mask) | static_cast<std::uint64_t>(p);
    }
    static std::uint64_t claimed(std::uint64_t w, outcome how) noexcept {
        w = with_phase(w, phase::running) & ~(outcome_mask | abortable_bit);
        return (w | static_cast<std::uint64_t>(how) << 2) + next_generation;
    }

    atomic<std::uint64_t> word_;
};

}  // namespace ramie::detail
