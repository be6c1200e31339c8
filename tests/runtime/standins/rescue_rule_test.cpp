// When spares come for stuck workers, and when they go; what the monitor makes of a worker from look to look.
#include "standins/rescue_rule.hpp"
#include "standins/worker_watch.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace ramie::detail;
using namespace std::chrono_literals;
using doing = worker_watch::doing;

namespace {

// So many looks in a row like this one; what is wanted after the last.
unsigned looks(rescue_rule& rule, int count, rescue_rule::sight const& s) {
    unsigned wanted = 0;
    for (int i = 0; i < count; ++i) wanted = rule.look(s);
    return wanted;
}

}  // namespace

TEST_CASE("rescue_rule: nobody comes for one look in vain, somebody for two") {
    rescue_rule rule(1, 512);
    CHECK(looks(rule, 1, {.blocked = 1, .none_is_free = true, .waiting = 1}) == 0);
    CHECK(looks(rule, 1, {.blocked = 1}) == 0);  // somebody was free in between
    CHECK(looks(rule, 1, {.blocked = 1, .none_is_free = true, .waiting = 1}) == 0);
    CHECK(looks(rule, 1, {.blocked = 1, .none_is_free = true, .waiting = 1}) == 1);
}

TEST_CASE("rescue_rule: one comes for the driver alone") {
    rescue_rule rule(4, 512);
    CHECK(looks(rule, 2, {.blocked = 4, .none_is_free = true, .waiting = 0}) == 1);
}

TEST_CASE("rescue_rule: as all who came block, more and more come, no more than tasks wait or may come") {
    rescue_rule rule(2, 20);
    CHECK(looks(rule, 2, {.blocked = 2, .none_is_free = true, .waiting = 1000}) == 2);
    CHECK(looks(rule, 1, {.blocked = 4, .none_is_free = true, .waiting = 1000}) == 4);
    CHECK(looks(rule, 1, {.blocked = 6, .none_is_free = true, .waiting = 1000}) == 8);
    CHECK(looks(rule, 1, {.blocked = 10, .none_is_free = true, .waiting = 3}) == 11);
    CHECK(looks(rule, 1, {.blocked = 13, .none_is_free = true, .waiting = 1000}) == 20);
    CHECK(looks(rule, 10, {.blocked = 22, .none_is_free = true, .waiting = 1000}) == 20);
}

TEST_CASE("rescue_rule: for workers that compute one comes late, and the next one later") {
    rescue_rule rule(2, 512);
    CHECK(looks(rule, 7, {.computing = 2, .none_is_free = true, .waiting = 1000}) == 0);
    CHECK(looks(rule, 1, {.computing = 2, .none_is_free = true, .waiting = 1000}) == 1);
    CHECK(looks(rule, 9, {.computing = 3, .none_is_free = true, .waiting = 1000}) == 1);
    CHECK(looks(rule, 1, {.computing = 3, .none_is_free = true, .waiting = 1000}) == 2);
    CHECK(looks(rule, 12, {.computing = 4, .none_is_free = true, .waiting = 1000}) == 3);
}

TEST_CASE("rescue_rule: beside a worker that computes as many come as others are blocked") {
    rescue_rule rule(4, 512);
    CHECK(looks(rule, 2, {.blocked = 3, .computing = 1, .none_is_free = true, .waiting = 1000}) == 3);
}

TEST_CASE("rescue_rule: too many go by and by, and all at once when everybody sleeps") {
    rescue_rule rule(1, 512);
    looks(rule, 2, {.blocked = 1, .none_is_free = true, .waiting = 9});
    looks(rule, 1, {.blocked = 2, .none_is_free = true, .waiting = 9});
    looks(rule, 1, {.blocked = 3, .none_is_free = true, .waiting = 9});
    CHECK(looks(rule, 1, {.blocked = 5, .none_is_free = true, .waiting = 9}) == 8);
    CHECK(looks(rule, 100, {.blocked = 8}) == 8);
    CHECK(looks(rule, 7, {.blocked = 2}) == 8);
    CHECK(looks(rule, 1, {.blocked = 8}) == 8);
    CHECK(looks(rule, 8, {.blocked = 2}) == 5);
    CHECK(looks(rule, 8, {.blocked = 2}) == 3);
    CHECK(looks(rule, 8, {.blocked = 2}) == 2);
    CHECK(looks(rule, 100, {.blocked = 2}) == 2);
    rule.all_sleep();
    CHECK(looks(rule, 1, {.blocked = 1, .none_is_free = true, .waiting = 1}) == 0);
}

TEST_CASE("worker_watch: stuck is who has not picked between two looks, and did not sleep at the first") {
    worker_watch w;
    auto const nothing = [] { return 0ns; };
    CHECK(w.look(doing::stuck, 5, 10ms, nothing) == doing::moves);  // the first look
    CHECK(w.look(doing::stuck, 5, 10ms, nothing) == doing::stuck);
    CHECK(w.looks_stuck() == 1);
    CHECK(w.look(doing::stuck, 5, 10ms, nothing) == doing::stuck);
    CHECK(w.looks_stuck() == 2);
    CHECK(w.stuck_for() == 20ms);
    CHECK(w.is_where_it_was(5));
    CHECK_FALSE(w.is_where_it_was(6));
    w.counted = true;
    CHECK(w.look(doing::stuck, 6, 10ms, nothing) == doing::moves);
    CHECK(w.looks_stuck() == 0);
    CHECK_FALSE(w.counted);
    CHECK(w.look(doing::sleeps, 6, 10ms, nothing) == doing::sleeps);
    CHECK(w.look(doing::stuck, 6, 1h, nothing) == doing::moves);  // it has only just woken up
    CHECK(w.look(doing::lent, 6, 10ms, nothing) == doing::lent);
    CHECK(w.look(doing::stuck, 6, 10ms, nothing) == doing::moves);
}

TEST_CASE("worker_watch: blocked is whose thread has not computed of late") {
    worker_watch w;
    auto used = 0ns;
    auto const look = [&](std::chrono::nanoseconds more) {
        used += more;
        (void)w.look(doing::stuck, 5, 10ms, [&] { return used; });
    };
    look(0ms);
    look(3ms);
    CHECK_FALSE(w.is_blocked());  // nothing is known yet
    look(0ms);
    CHECK(w.is_blocked());
    CHECK(w.is_given_up());
    look(10ms);
    CHECK_FALSE(w.is_blocked());
    CHECK_FALSE(w.is_given_up());
    look(0ms);
    CHECK_FALSE(w.is_blocked());  // it may only have waited for a processor
    for (int i = 0; i < 3; ++i) look(0ms);
    CHECK(w.is_blocked());
    CHECK(w.is_given_up());
}

TEST_CASE("worker_watch: one that computes is given up too, but later") {
    worker_watch w;
    auto used = 0ns;
    for (int i = 0; i < 8; ++i) {
        (void)w.look(doing::stuck, 5, 10ms, [&] { return used += 10ms; });
        CHECK_FALSE(w.is_given_up());
    }
    (void)w.look(doing::stuck, 5, 10ms, [&] { return used += 10ms; });
    CHECK_FALSE(w.is_blocked());
    CHECK(w.is_given_up());
}
