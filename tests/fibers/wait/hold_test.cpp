// Holding a waiter for a look: what goes on meanwhile, and what waits.
#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/wait/task_state.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using ramie::detail::task_state;
using phase = task_state::phase;
using outcome = task_state::outcome;
using park = task_state::park_result;
using claim = task_state::claim_result;
using stop = task_state::abort_result;
using add = task_state::joiner_result;
using leave = task_state::leave_result;
using detach = task_state::detach_result;
using release = task_state::release_result;

TEST_CASE("state: only a parked waiter can be held") {
    task_state s(phase::unstarted, true);
    CHECK_FALSE(s.hold());
    (void)s.start();
    CHECK_FALSE(s.hold());
    CHECK(s.park(s.generation(), true) == park::parked);
    CHECK(s.hold());
    s.let_go();
    CHECK(s.hold());
    s.let_go();
    CHECK(s.claim(s.generation(), outcome::woken) == claim::submit_it);
    CHECK_FALSE(s.hold());
    (void)s.finish(false);
    CHECK_FALSE(s.hold());
}

TEST_CASE("state: a held waiter can be looked at, joined and left, and its references counted") {
    task_state s(phase::running, true);
    auto const g = s.generation();
    CHECK(s.park(g, true) == park::parked);
    REQUIRE(s.hold());
    CHECK(s.current() == phase::parked);
    CHECK_FALSE(s.is_finished());
    CHECK(s.claim(g + 64, outcome::woken) == claim::lost);  // of another wait: told so at once
    CHECK(s.add_joiner() == add::registered);
    CHECK(s.remove_joiner() == leave::left);
    s.add_ref();
    CHECK(s.drop_ref() == release::nothing);
    CHECK(s.drop_handle() == detach::nothing);
    s.let_go();
    CHECK(s.claim(g, outcome::deadline) == claim::submit_it);
    CHECK(s.last_outcome() == outcome::deadline);
}

TEST_CASE("state: a wait that is held ends by the party that came meanwhile, once the walker has let go") {
    for (bool const by_abort : {false, true}) {
        CAPTURE(by_abort);
        task_state s(phase::running, true);
        auto const g = s.generation();
        CHECK(s.park(g, true) == park::parked);
        REQUIRE(s.hold());
        std::atomic<bool> let_go{false}, came{false}, early{false};
        std::thread claimer([&] {
            came = true;
            bool const won = by_abort ? s.abort() == stop::submit_it : s.claim(g, outcome::woken) == claim::submit_it;
            if (!won || !let_go) early = true;
        });
        while (!came) {}
        for (int i = 0; i < 1000; ++i) ramie::detail::give_processor_away();
        CHECK(s.current() == phase::parked);
        let_go = true;
        s.let_go();
        claimer.join();
        CHECK_FALSE(early);
        CHECK(s.current() == phase::running);
        CHECK(s.last_outcome() == (by_abort ? outcome::aborted : outcome::woken));
    }
}

TEST_CASE("state: an abort of a held waiter that may not be aborted only marks it") {
    task_state s(phase::running, true);
    auto const g = s.generation();
    CHECK(s.park(g, false) == park::parked);
    REQUIRE(s.hold());
    CHECK(s.abort() == stop::nothing);
    CHECK(s.abort_requested());
    s.let_go();
    CHECK(s.claim(g, outcome::woken) == claim::submit_it);
}
