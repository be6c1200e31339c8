// An abort at every moment of a task that waits for other tasks, by each way there is to do so: no child outlives what
// it borrowed from its parent, what a child had finished is not lost, and nothing is left behind.
#include "abort_at_each.hpp"
#include "tracked.hpp"

#include <ramie/async.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/join.hpp>
#include <ramie/join_set.hpp>
#include <ramie/jthread.hpp>
#include <ramie/race.hpp>
#include <ramie/scope.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/spawn.hpp>
#include <ramie/task_tracker.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <expected>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// What outlives the parent, to tell of it.
struct records {
    int inside = 0;  // guests
    int visits = 0;
    int strays = 0;  // guests who were there when the house was gone
};

// A local of the parent, borrowed by its children.
class house {
  public:
    explicit house(records& r) : records_(r) {}
    house(house const&) = delete;
    house& operator=(house const&) = delete;
    ~house() { records_.strays += records_.inside; }

    // A child that stays that long, and takes its time to leave.
    auto guest(std::chrono::milliseconds stay) {
        return [this, stay] {
            struct visit {
                records& r;
                explicit visit(records& of) : r(of) { ++r.inside; }
                ~visit() {
                    ramie::abort_shield const whole;
                    ramie::this_fiber::yield();
                    --r.inside;
                }
            } const here(records_);
            ramie::this_fiber::sleep_for(stay);
            ++records_.visits;
            return 1;
        };
    }

  private:
    records& records_;
    tracked const furniture_;
};

// What children do when their parent is aborted: end at once, or stay as long as they wanted to.
enum class children { are_aborted, are_waited_for };

template <void (*Live)(house&), children Children = children::are_aborted>
struct family {
    records r;
    bool cut_short = false;
    ramie::detail::time_point at{};
    ramie::join_handle<void> parent = ramie::spawn([this] {
        house home(r);
        Live(home);
    });
    ramie::abort_handle victim = parent.abort_handle();

    void before_abort() {
        cut_short = !parent.is_finished();
        at = ramie::detail::carrier::now();
    }
    void check() {
        CHECK(parent.is_finished());
        if (cut_short && Children == children::are_aborted) CHECK(ramie::detail::carrier::now() == at);
        CHECK(r.inside == 0);
        CHECK(r.strays == 0);
        CHECK(r.visits <= 2);
        CHECK(tracked::alive() == 0);
    }
};

void by_scope(house& h) {
    ramie::scope s;
    (void)s.spawn(h.guest(1ms));
    (void)s.spawn(h.guest(2ms));
    ramie::this_fiber::yield();
}
void by_waiting_scope(house& h) {
    ramie::scope s;
    (void)s.spawn(h.guest(1ms));
    (void)s.spawn(h.guest(2ms));
    s.wait();
}
void by_with_scope(house& h) {
    ramie::with_scope([&](ramie::scope& s) {
        (void)s.spawn(h.guest(1ms));
        ramie::this_fiber::yield();
        (void)s.spawn(h.guest(2ms));
    });
}
void by_scoped_tasks(house& h) {
    ramie::scoped_task<int> first(ramie::spawn(h.guest(1ms))), second(ramie::spawn(h.guest(2ms)));
    (void)first.get();
    (void)second.get();
}
void by_join(house& h) { (void)ramie::join(h.guest(1ms), h.guest(2ms)); }
void by_try_join(house& h) { (void)ramie::try_join(h.guest(1ms), h.guest(2ms)); }
void by_try_join_of_expected(house& h) {
    auto const fails = [&]() -> std::expected<int, int> {
        (void)h.guest(1ms)();
        return std::unexpected(1);
    };
    (void)ramie::try_join(fails, [&]() -> std::expected<int, int> { return h.guest(5ms)(); });
}
void by_race(house& h) { (void)ramie::race(h.guest(1ms), h.guest(5ms)); }
void by_join_set(house& h) {
    ramie::join_set<int> all;
    all.spawn(h.guest(1ms));
    all.spawn(h.guest(2ms));
    while (all.join_next()) {}
}
void by_join_all(house& h) {
    ramie::join_set<int> all;
    all.spawn(h.guest(2ms));
    all.spawn(h.guest(1ms));
    (void)all.join_all();
}
void by_a_set_that_is_shut_down(house& h) {
    ramie::join_set<int> all;
    all.spawn(h.guest(1ms));
    all.spawn(h.guest(9ms));
    (void)all.join_next();
    all.shutdown();
}
void by_jthreads(house& h) {
    ramie::jthread const first(h.guest(2ms)), second(h.guest(1ms));
    ramie::this_fiber::yield();
}
void by_async(house& h) {
    auto first = ramie::async(h.guest(1ms)), second = ramie::async(h.guest(2ms));
    (void)first.get();
}
void by_run_until_cancelled(house& h) {
    ramie::cancellation_token const token;
    (void)token.run_until_cancelled(h.guest(1ms));
}

}  // namespace

TEST_CASE_TEMPLATE("an abort of the parent at any moment: no child outlives what it borrowed", Family, family<by_scope>,
                   family<by_waiting_scope>, family<by_with_scope>, family<by_scoped_tasks>, family<by_join>,
                   family<by_try_join>, family<by_try_join_of_expected>, family<by_race>, family<by_join_set>,
                   family<by_join_all>, family<by_a_set_that_is_shut_down>, family<by_run_until_cancelled>,
                   family<by_jthreads, children::are_waited_for>, family<by_async, children::are_waited_for>) {
    abort_at_each_step<Family>();
}

namespace {

enum class who { parent, child };

// A task that looks with a limit, then joins. Its value is received once, by it or by whoever joins after it.
template <who Victim>
struct joining {
    ramie::join_handle<tracked> child = ramie::spawn([] {
        ramie::this_fiber::yield();
        ramie::this_fiber::sleep_for(2ms);
        return tracked(7);
    });
    int values = 0, cancelled = 0;
    ramie::join_handle<void> parent = ramie::spawn([this] {
        while (!child.wait_for(500us)) ramie::this_fiber::yield();
        receive();
    });
    ramie::abort_handle victim = Victim == who::parent ? parent.abort_handle() : child.abort_handle();

    void receive() {
        auto const value = child.join();
        ++(value ? values : cancelled);
    }
    void check() {
        CHECK(parent.is_finished());
        if (child.valid()) receive();
        CHECK(values + cancelled == 1);
        if (Victim == who::parent) CHECK(values == 1);
        CHECK(tracked::alive() == 0);
    }
};

// A set that outlives its owner: what join_next had not given is still in it.
template <who Victim>
struct gathering {
    ramie::join_set<tracked> set;
    ramie::abort_handle second;
    int values = 0, cancelled = 0;
    ramie::join_handle<void> parent;
    ramie::abort_handle victim;

    gathering() {
        for (int i = 1; i <= 3; ++i) {
            auto stop = set.spawn([i] {
                ramie::this_fiber::sleep_for(std::chrono::milliseconds(4 - i));
                ramie::this_fiber::yield();
                return tracked(i);
            });
            if (i == 2) second = stop;
        }
        parent = ramie::spawn([this] {
            while (auto const next = set.join_next()) ++(next->has_value() ? values : cancelled);
        });
        victim = Victim == who::parent ? parent.abort_handle() : second;
    }
    void check() {
        CHECK(parent.is_finished());
        while (auto const next = set.try_join_next()) ++(next->has_value() ? values : cancelled);
        CHECK(set.empty());
        CHECK(values + cancelled == 3);
        if (Victim == who::parent) CHECK(cancelled == 0);
        CHECK(tracked::alive() == 0);
    }
};

// Two wait for a tracker that follows two tasks.
template <who Victim>
struct following {
    ramie::task_tracker tracker;
    int waited = 0, ran = 0;
    ramie::join_handle<void> child;
    std::vector<ramie::join_handle<void>> waiters;
    ramie::abort_handle victim;

    following() {
        auto const work = [this] {
            ramie::this_fiber::sleep_for(1ms);
            ++ran;
        };
        child = tracker.spawn(work);
        tracker.spawn(work).detach();
        tracker.close();
        for (int i = 0; i < 2; ++i)
            waiters.push_back(ramie::spawn([this] {
                tracker.wait();
                CHECK(tracker.size() == 0);
                ++waited;
            }));
        victim = Victim == who::parent ? waiters[0].abort_handle() : child.abort_handle();
    }
    void check() {
        CHECK(tracker.size() == 0);
        CHECK(waiters[1].join());
        CHECK(waited == 1 + waiters[0].join().has_value());
        CHECK(ran == 1 + child.join().has_value());
        if (Victim == who::parent) CHECK(ran == 2);
        else CHECK(waited == 2);
    }
};

}  // namespace

TEST_CASE("an abort at any moment: a child's value is received once, whoever joins it") {
    abort_at_each_step<joining<who::parent>>();
    abort_at_each_step<joining<who::child>>();
}

TEST_CASE("an abort at any moment: a join_set keeps every result its owner did not take") {
    abort_at_each_step<gathering<who::parent>>();
    abort_at_each_step<gathering<who::child>>();
}

TEST_CASE("an abort at any moment: a task_tracker counts down, and its other waiters are told") {
    abort_at_each_step<following<who::parent>>();
    abort_at_each_step<following<who::child>>();
}
