/*
 * Falling asleep and being woken (runtime/src/sleep/idle.md), with more workers and posters than the model checker has time for:
 * WORKERS workers, POSTERS posters, one driver, one event from outside. Names of steps are those of the page.
 *
 * Memory is sequentially consistent here, but for one thing: what a poster has put into a queue (P1) may stay in its store
 * buffer until its fence (P2), or until the buffer drains by itself.
 *
 * A worker keeps what it has found: it comes back only when the next piece of work is what it waits for. So each piece needs a
 * worker of its own, and there are as many pieces as workers.
 *
 * What must hold: when nothing moves any more, nothing is queued, and the event was seen.
 *
 * Planted breaks: -DNO_POST_FENCE, -DNO_RECHECK (S3), -DNO_HANDOVER (L5), -DNO_TOKEN (L4), -DALL_ON_FUTEXES (the driver).
 */
#ifndef WORKERS
#define WORKERS 3
#endif
#define POSTERS (WORKERS - 1)
#define MOST_SEARCHING (WORKERS / 2)
#define NOBODY 255

byte queued;              /* what all see */
bool buffered[POSTERS];   /* what a poster has put, and its processor has not shown yet */
byte sleeping, searching; /* one word */
bool listed[WORKERS];     /* under the list's lock */
bool token[WORKERS];
bool in_driver;
bool event;               /* something is ready outside */
byte at_work;             /* workers that have found a piece */

/* P3, P4. The count is one read; the rest is under the list's lock. */
inline wake_one(w) {
    d_step {
        if
        :: searching == 0 && sleeping > 0 -> w = 0
        :: else -> w = NOBODY
        fi
    }
    if
    :: w == NOBODY
    :: else ->
        atomic { /* take() */
            if
            :: w = 0; do :: w < WORKERS && !listed[w] -> w++ :: else -> break od
            fi;
            if
            :: w == WORKERS
            :: else -> listed[w] = false; sleeping--; searching++
            fi
        }
        if
        :: w == WORKERS
        :: else -> token[w] = true
        fi
    fi;
    w = 0
}

proctype poster(byte me) {
    byte w;
    buffered[me] = true;   /* P1 */
#ifndef NO_POST_FENCE
    atomic { if :: buffered[me] -> queued++; buffered[me] = false :: else fi }  /* P2 */
#endif
    wake_one(w)
}

/* The posters' store buffers drain sooner or later. */
proctype drains(byte p) {
end: do
    :: atomic { buffered[p] -> queued++; buffered[p] = false }
    od
}

proctype worker(byte me) {
    byte w;
    bool searches = false, took, was_last, has_driver = false;
search:
    took = false;
    atomic {
        if
        :: !searches && searching < MOST_SEARCHING -> searching++; searches = true
        :: else
        fi
    }
    if
    :: searches -> atomic { if :: queued > 0 -> queued--; took = true :: else fi }
    :: else
    fi;
    if
    :: took ->
        d_step { was_last = (searching == 1); searching--; searches = false }
#ifndef NO_HANDOVER
        if :: was_last -> wake_one(w) :: else fi;
#endif
        at_work++;
        goto done
    :: else
    fi;
    d_step {  /* S1 */
        listed[me] = true;
        sleeping++;
        if :: searches -> searching-- :: else fi;
        searches = false
    }
#ifndef NO_RECHECK
    if  /* S3 */
    :: queued > 0 ->
        d_step {
            if :: listed[me] -> listed[me] = false; sleeping--; searching++ :: else fi;
            searches = true
        }
        goto search
    :: else
    fi;
#endif
#ifndef ALL_ON_FUTEXES
    atomic { if :: !in_driver -> in_driver = true; has_driver = true :: else fi };
#endif
    if  /* S4 */
    :: has_driver ->
end_in_driver:
        atomic { token[me] || event -> token[me] = false };
        atomic { if :: event -> event = false; queued++ :: else fi };  /* what was ready is work */
        in_driver = false;
        has_driver = false
    :: else ->
end_on_futex:
#ifdef NO_TOKEN
        token[me] = false;
#endif
        atomic { token[me] -> token[me] = false }
    fi;
    d_step {  /* S5 */
        if
        :: listed[me] -> listed[me] = false; sleeping--; searches = false
        :: else -> searches = true
        fi
    }
    goto search;
done:
    skip
}

init {
    byte i;
    atomic {
        i = 0; do :: i < WORKERS -> run worker(i); i++ :: else -> break od;
        i = 0; do :: i < POSTERS -> run poster(i); run drains(i); i++ :: else -> break od;
    }
    event = true;  /* from outside: nobody fences for it, and nobody wakes but the driver */
    timeout ->     /* nothing moves any more */
        assert(queued == 0);
        assert(!event);
        assert(at_work == WORKERS)
}
