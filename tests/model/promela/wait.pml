/*
 * One wait after the other, and the parties that may end them: wakers, an abort, deadlines
 * (fibers/include/ramie/detail/wait/task_state.hpp, wait_queue, timer_heap).
 *
 * A fiber waits WAITS times for a permit. In the first wait it has a deadline; the deadline's thread may be late, and come when
 * the fiber is in its next wait. Two wakers have one permit each. An abort may come at any time.
 *
 * What must hold: of each wait one party is the winner, and the fiber is made runnable once, by the claimer that found it parked
 * or by the step that could not park it; a permit is the waiter's or the waker's, never lost, never there twice; a wait without a
 * deadline does not end by one; no wait goes on after an abort.
 *
 * Planted breaks: -DNO_GENERATION (a claim does not ask which wait it is for), -DNO_ABORT_CHECK (a park does not look for an
 * abort), -DALWAYS_SUBMIT (the claimer makes the fiber runnable though it had not parked).
 */
#define WAITS 2
mtype = { running, parked };             /* phase */
mtype = { none, woken, aborted, late };  /* outcome */
mtype = { lost, nothing_more, submit_it };

mtype phase = running, outcome = none;
byte generation;
bool abort_bit, abortable;

byte runnable = 1;       /* how often the fiber stands in a run queue; it begins in one */
bool locked;             /* the queue's lock */
bool queued;             /* the fiber's node, */
byte shown;              /* and the generation in it */
byte received;           /* permits that were written into the node */
byte kept;               /* permits that came back to their wakers */
byte armed = 255;        /* the wait that has a deadline armed */
bool ended;              /* the fiber is over */

inline claimed(how) {
    phase = running;
    abortable = false;
    outcome = how;
    generation++
}

inline claim(g, how, result) {
    d_step {
        if
#ifdef NO_GENERATION
        :: !ended ->
#else
        :: g == generation && !ended ->
#endif
            if
            :: phase == parked -> result = submit_it
#ifdef ALWAYS_SUBMIT
            :: else -> result = submit_it
#else
            :: else -> result = nothing_more
#endif
            fi;
            claimed(how)
        :: else -> result = lost
        fi
    }
}

inline submit() {
    d_step { runnable++; assert(runnable == 1) }
}

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

proctype fiber() {
    byte g, wait;
    bool stays;
    for (wait : 0 .. WAITS - 1) {
        atomic { runnable == 1 -> runnable-- };
        assert(phase == running);
        if :: abort_bit -> goto out :: else fi;  /* abort point */
        g = generation;
        lock();
        queued = true;
        shown = g;
        if :: wait == 0 -> armed = g :: else fi;
        /* The errand, on the other side of the switch. */
        d_step {
            if
            :: generation != g -> stays = false
#ifndef NO_ABORT_CHECK
            :: generation == g && abort_bit -> claimed(aborted); stays = false
            :: generation == g && !abort_bit -> phase = parked; abortable = true; stays = true
#else
            :: generation == g -> phase = parked; abortable = true; stays = true
#endif
            fi
        }
        unlock();
        if :: stays :: else -> submit() fi;
        /* It runs again. */
end_parked:
        atomic { runnable == 1 -> runnable-- };
        assert(phase == running && generation == g + 1);
        armed = 255;  /* disarm() */
        assert(outcome != late || wait == 0);
        lock();
        if
        :: outcome == woken -> assert(!queued)
        :: else -> assert(!queued || shown == g); queued = false
        fi;
        unlock();
        if :: outcome == aborted -> assert(abort_bit); goto out :: else fi;
        runnable = 1
    }
    atomic { runnable == 1 -> runnable-- };
out:
    ended = true
}

proctype waker() {
    mtype result = lost;
    lock();
    if
    :: queued ->
        claim(shown, woken, result);
        if
        :: result == lost -> kept++
        :: else -> queued = false; received++
        fi
    :: else -> kept++
    fi;
    unlock();
    if :: result == submit_it -> submit() :: else fi
}

proctype deadline() {
    mtype result = lost;
    byte g;
end: atomic { armed != 255 -> g = armed };
    /* It was due; before it claims, anything may happen. */
    claim(g, late, result);
    if :: result == submit_it -> submit() :: else fi
}

proctype aborter() {
    bool must_submit = false;
    d_step {
        if
        :: ended
        :: else ->
            abort_bit = true;
            if
            :: phase == parked && abortable -> claimed(aborted); must_submit = true
            :: else
            fi
        fi
    }
    if :: must_submit -> submit() :: else fi
}

init {
    atomic { run fiber(); run waker(); run waker(); run deadline(); run aborter() }
    timeout ->  /* nothing moves any more */
        assert(kept + received == 2);
        assert(ended || !abort_bit);
        assert(ended || phase == parked)
}
