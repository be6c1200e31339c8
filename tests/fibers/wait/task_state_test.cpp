// The state word's transitions, one by one; who is told to do what.
#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/wait/task_state.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>

using ramie::detail::task_state;
using phase = task_state::phase;
using outcome = task_state::outcome;
using start = task_state::start_result;
using park = task_state::park_result;
using claim = task_state::claim_result;
using stop = task_state::abort_result;
using end = task_state::finish_result;
using add = task_state::joiner_result;
using leave = task_state::leave_result;
using detach = task_state::detach_result;
using release = task_state::release_result;

TEST_CASE("state: a task is started by one party only") {
    task_state s(phase::unstarted, true);
    CHECK(s.start() == start::run_it);
    CHECK(s.current() == phase::running);
    CHECK(s.start() == start::stale);
}

TEST_CASE("state: a parked wait is claimed once, and the claimer makes the waiter runnable") {
    task_state s(phase::running);
    auto const g = s.generation();
    CHECK(s.park(g, true) == park::parked);
    CHECK(s.current() == phase::parked);
    CHECK(s.claim(g, outcome::woken) == claim::submit_it);
    CHECK(s.current() == phase::running);
    CHECK(s.last_outcome() == outcome::woken);
    CHECK(s.claim(g, outcome::deadline) == claim::lost);
    CHECK(s.last_outcome() == outcome::woken);
}

TEST_CASE("state: a wait claimed before it parked is not parked, and its claimer must not submit it") {
    task_state s(phase::running);
    auto const g = s.generation();
    CHECK(s.claim(g, outcome::deadline) == claim::nothing_more);
    CHECK(s.claim(g, outcome::woken) == claim::lost);
    CHECK(s.park(g, true) == park::resume_now);
    CHECK(s.current() == phase::running);
    CHECK(s.last_outcome() == outcome::deadline);
}

// (Only TSan, or a processor that orders less than x86, can see this fail.)
TEST_CASE("state: a waiter that finds its wait claimed before it parked sees what the claimer had done") {
    for (int i = 0; i < 100; ++i) {
        task_state s(phase::running);
        int done = 0;
        auto const g = s.generation();
        std::thread claimer([&] {
            done = 1;
            (void)s.claim(g, outcome::woken);
        });
        while (s.generation() == g) {}
        CHECK(s.claim(g, outcome::aborted) == claim::lost);
        REQUIRE(s.last_outcome() == outcome::woken);
        CHECK(done == 1);
        claimer.join();
    }
}

TEST_CASE("state: a waker of an earlier wait loses against a later one") {
    task_state s(phase::running);
    auto const first = s.generation();
    (void)s.claim(first, outcome::woken);
    auto const second = s.generation();
    CHECK(second != first);
    CHECK(s.park(second, false) == park::parked);
    CHECK(s.claim(first, outcome::woken) == claim::lost);
    CHECK(s.current() == phase::parked);
    CHECK(s.claim(second, outcome::woken) == claim::submit_it);
}

TEST_CASE("state: an abort claims a parked wait that may be aborted") {
    task_state s(phase::running);
    auto const g = s.generation();
    CHECK(s.park(g, true) == park::parked);
    CHECK(s.abort() == stop::submit_it);
    CHECK(s.abort_requested());
    CHECK(s.last_outcome() == outcome::aborted);
    CHECK(s.claim(g, outcome::woken) == claim::lost);
}

TEST_CASE("state: an abort leaves a masked wait alone; its waker finds it") {
    task_state s(phase::running);
    auto const g = s.generation();
    CHECK(s.park(g, false) == park::parked);
    CHECK(s.abort() == stop::nothing);
    CHECK(s.current() == phase::parked);
    CHECK(s.claim(g, outcome::woken) == claim::submit_it);
    CHECK(s.abort_requested());
}

TEST_CASE("state: a wait that may be aborted does not park after an abort; a masked one does") {
    task_state s(phase::running);
    CHECK(s.abort() == stop::nothing);
    auto const g = s.generation();
    CHECK(s.park(g, true) == park::resume_now);
    CHECK(s.last_outcome() == outcome::aborted);
    CHECK(s.claim(g, outcome::woken) == claim::lost);
    CHECK(s.park(s.generation(), false) == park::parked);
}

TEST_CASE("state: a wait claimed before the abort keeps its outcome") {
    task_state s(phase::running);
    auto const g = s.generation();
    CHECK(s.claim(g, outcome::woken) == claim::nothing_more);
    CHECK(s.abort() == stop::nothing);
    CHECK(s.park(g, true) == park::resume_now);
    CHECK(s.last_outcome() == outcome::woken);
}

TEST_CASE("state: the outcome of one wait is not that of the next") {
    task_state s(phase::running);
    (void)s.claim(s.generation(), outcome::aborted);
    auto const g = s.generation();
    CHECK(s.park(g, true) == park::parked);
    CHECK(s.last_outcome() == outcome::none);
    (void)s.claim(g, outcome::deadline);
    CHECK(s.last_outcome() == outcome::deadline);
}

TEST_CASE("state: an unstarted task that is aborted belongs to the aborter") {
    task_state s(phase::unstarted, true);
    CHECK(s.abort() == stop::cancel_it);
    CHECK(s.start() == start::stale);
    CHECK(s.abort() == stop::nothing);
    CHECK(s.finish(false) == end::nothing);
    CHECK(s.is_finished());
}

TEST_CASE("state: a second abort, and an abort of a finished task, do nothing") {
    task_state s(phase::running, true);
    CHECK(s.abort() == stop::nothing);
    CHECK(s.abort() == stop::nothing);
    task_state over(phase::running, true);
    CHECK(over.finish(true) == end::nothing);
    CHECK(over.abort() == stop::nothing);
    CHECK_FALSE(over.abort_requested());
}

TEST_CASE("state: nothing of a finished task can be claimed") {
    task_state s(phase::running, true);
    auto const g = s.generation();
    CHECK(s.finish(true) == end::nothing);
    CHECK(s.claim(g, outcome::woken) == claim::lost);
}

TEST_CASE("state: a result that nobody can receive is given up before the end") {
    task_state s(phase::running, true);
    CHECK(s.drop_handle() == detach::nothing);
    CHECK_FALSE(s.has_handle());
    CHECK(s.finish(true) == end::discard_result_first);
    CHECK_FALSE(s.is_finished());
    CHECK(s.finish(false) == end::free_it);
    CHECK(s.is_finished());
}

TEST_CASE("state: a handle that goes after the end has the result to itself") {
    task_state s(phase::running, true);
    CHECK(s.finish(true) == end::nothing);
    CHECK(s.has_handle());
    CHECK(s.drop_handle() == detach::discard_result);
    CHECK(s.has_handle());  // until the result is gone
    CHECK(s.release_handle() == release::free_it);
}

TEST_CASE("state: the last of life, handle and references frees the block, whatever the order") {
    // 0 finish, 1 the handle, 2 and 3 a reference each
    int order[] = {0, 1, 2, 3};
    do {
        task_state s(phase::running, true);
        s.add_ref();
        s.add_ref();
        for (int step = 0; step < 4; ++step) {
            bool freed = false;
            switch (order[step]) {
                case 0: freed = s.finish(false) == end::free_it; break;
                case 1: freed = s.drop_handle() == detach::discard_result && s.release_handle() == release::free_it; break;
                default: freed = s.drop_ref() == release::free_it; break;
            }
            CAPTURE(order);
            CHECK(freed == (step == 3));
        }
    } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST_CASE("state: references change nothing else, and waits do not change them") {
    task_state s(phase::running, true);
    auto const g = s.generation();
    for (int i = 0; i < 1000; ++i) s.add_ref();
    CHECK(s.generation() == g);
    CHECK(s.park(g, true) == park::parked);
    CHECK(s.claim(g, outcome::woken) == claim::submit_it);
    CHECK(s.finish(true) == end::nothing);
    CHECK(s.drop_handle() == detach::discard_result);
    CHECK(s.release_handle() == release::nothing);
    for (int i = 0; i < 999; ++i) CHECK(s.drop_ref() == release::nothing);
    CHECK(s.drop_ref() == release::free_it);
}

TEST_CASE("state: an abort that cancels a task away from its queue leaves a reference to the stale entry") {
    task_state s(phase::unstarted, true);
    CHECK(s.abort() == stop::cancel_it);
    CHECK(s.finish(false) == end::nothing);
    CHECK(s.drop_handle() == detach::discard_result);
    CHECK(s.release_handle() == release::nothing);
    CHECK(s.drop_ref() == release::free_it);
}

TEST_CASE("state: a joiner that starts a task is registered by that, and takes the queue entry along") {
    task_state s(phase::unstarted, true);
    CHECK(s.start(true) == start::run_it);
    CHECK(s.has_joiner());
    CHECK(s.finish(true) == end::wake_joiner);
    CHECK(s.drop_handle() == detach::discard_result);
    CHECK(s.release_handle() == release::free_it);
}

TEST_CASE("state: an abort that only marks leaves an unstarted task to whoever starts it") {
    task_state s(phase::unstarted, true);
    CHECK(s.abort(true) == stop::nothing);
    CHECK(s.abort_requested());
    CHECK(s.current() == phase::unstarted);
    CHECK(s.start() == start::run_it);
}

TEST_CASE("state: of a finisher and a dropper at the same moment one frees the block") {
    for (int i = 0; i < 600; ++i) {
        task_state s(phase::running, true);
        s.add_ref();
        std::atomic<int> freed{0};
        {
            std::jthread const a([&] {
                auto last = s.finish(false, i % 2 != 0);
                if (last == end::tell_end) last = s.told();
                freed += last == end::free_it;
            });
            std::jthread const b([&] {
                freed += s.drop_handle() == detach::discard_result && s.release_handle() == release::free_it;
            });
            std::jthread const c([&] { freed += s.drop_ref() == release::free_it; });
        }
        CHECK(freed.load() == 1);
    }
}

TEST_CASE("state: a joiner is either registered before the end, and woken by it, or told that it came too late") {
    task_state s(phase::running, true);
    CHECK_FALSE(s.has_joiner());
    CHECK(s.add_joiner() == add::registered);
    CHECK(s.has_joiner());
    CHECK(s.add_joiner() == add::occupied);
    CHECK(s.finish(true) == end::wake_joiner);
    CHECK(s.remove_joiner() == leave::finisher_has_slot);
    CHECK(s.add_joiner() == add::finished);
}

TEST_CASE("state: an end in two steps decides first whose the result is, then frees the block or wakes the joiner") {
    task_state unclaimed(phase::running, true);
    CHECK(unclaimed.drop_handle() == detach::nothing);
    CHECK(unclaimed.finish(true, true) == end::discard_result_first);
    CHECK(unclaimed.finish(false, true) == end::tell_end);
    CHECK(unclaimed.told() == end::free_it);

    task_state dropped(phase::running, true);
    CHECK(dropped.finish(true, true) == end::tell_end);
    CHECK(dropped.current() == phase::finished);
    CHECK(dropped.drop_handle() == detach::discard_result);  // the handle's from here on
    CHECK(dropped.release_handle() == release::nothing);
    CHECK(dropped.told() == end::free_it);

    task_state kept(phase::running, true);
    kept.add_ref();
    CHECK(kept.finish(true, true) == end::tell_end);
    CHECK(kept.drop_ref() == release::nothing);
    CHECK(kept.told() == end::nothing);
    CHECK(kept.drop_handle() == detach::discard_result);
    CHECK(kept.release_handle() == release::free_it);

    task_state joined(phase::running, true);
    CHECK(joined.add_joiner() == add::registered);
    CHECK(joined.finish(true, true) == end::tell_end);
    CHECK(joined.abort() == stop::nothing);
    CHECK(joined.told() == end::wake_joiner);
    CHECK(joined.add_joiner() == add::finished);
}

TEST_CASE("state: who asks for the end sees it once all are told") {
    for (int i = 0; i < 300; ++i) {
        task_state s(phase::running, true);
        std::atomic<bool> told{false}, seen_early{false};
        CHECK(s.finish(true, true) == end::tell_end);
        {
            std::jthread const asker([&] {
                bool const over = i % 2 == 0 ? s.is_finished() : s.add_joiner() == add::finished;
                if (!over || !told) seen_early = true;
            });
            for (int pauses = 0; pauses < i; ++pauses) ramie::detail::cpu_pause();
            told = true;
            CHECK(s.told() == end::nothing);
        }
        CHECK_FALSE(seen_early.load());
    }
}

TEST_CASE("state: a joiner that left in time is not woken") {
    task_state s(phase::running, true);
    CHECK(s.add_joiner() == add::registered);
    CHECK(s.remove_joiner() == leave::left);
    CHECK(s.finish(true) == end::nothing);
}

TEST_CASE("state: waits move nothing but phase, outcome and generation") {
    task_state s(phase::running, true);
    CHECK(s.add_joiner() == add::registered);
    (void)s.abort();
    for (int i = 0; i < 1000; ++i) {
        auto const g = s.generation();
        CHECK(s.park(g, false) == park::parked);
        CHECK(s.claim(g, i % 2 != 0 ? outcome::woken : outcome::deadline) == claim::submit_it);
        CHECK(s.generation() == g + 1);
    }
    CHECK(s.abort_requested());
    CHECK(s.has_handle());
    CHECK(s.finish(true) == end::wake_joiner);
}

TEST_CASE("state: an abort seen in order is seen") {
    task_state s(phase::running, true);
    CHECK_FALSE(s.abort_requested_in_order());
    (void)s.abort();
    CHECK(s.abort_requested_in_order());
    CHECK(s.has_handle());
}
