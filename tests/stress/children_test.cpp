// Tasks that wait for tasks, by every way there is, at random on real workers: each result is taken once or ends with
// whoever owned it, and no child outlives what it borrowed.
#include "random_rounds.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/join.hpp>
#include <ramie/join_set.hpp>
#include <ramie/race.hpp>
#include <ramie/scope.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/task_tracker.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

constexpr double alone = 1;
auto const ignore = [](auto&&...) {};

struct presence {
    explicit presence(std::atomic<int>& n) : inside(n) { ++inside; }
    presence(presence const&) = delete;
    presence& operator=(presence const&) = delete;
    ~presence() { --inside; }
    std::atomic<int>& inside;
};

// --- join_set ---

void own_a_set(chance& own, std::atomic<int>& inside) {
    ramie::join_set<tracked> set;
    std::size_t spawned = 0, taken = 0;
    auto const take = [&](auto const& next) { taken += next.has_value(); };
    auto const member = [&inside, seed = own.next()] {
        presence const here(inside);
        chance mine(seed);
        pause_a_little(mine);
        if (mine.one_in(8)) throw 1;
        if (mine.one_in(8)) ramie::this_fiber::sleep_for(mine.up_to(50us));
        return tracked(1);
    };
    for (auto n = 1 + own.below(12); n > 0; --n, ++spawned) {
        auto const stop = own.one_in(10) ? set.spawn_blocking(member) : set.spawn(member);
        if (own.one_in(6)) stop.abort();
        if (own.one_in(3)) take(set.try_join_next());
    }
    if (own.one_in(10)) return;  // the rest ends with the set
    if (own.one_in(4)) set.abort_all();
    auto moved = std::move(set);
    while (!moved.empty()) {
        switch (own.below(3)) {
            case 0: take(moved.join_next()); break;
            case 1: (void)ramie::timeout(own.up_to(30us), [&] { take(moved.join_next()); }); break;
            default: ramie::select(ramie::on_join_next(moved, take), ramie::on_sleep(own.up_to(30us), ignore));
        }
    }
    require(taken == spawned, "a result was lost");
}

void set_round(chance& dice) {
    std::atomic<int> inside{0};
    crowd owners;
    owners.add(3, dice, [&](chance& own) { own_a_set(own, inside); });
    owners.abort_some(dice);
    owners.join();
    require(inside == 0, "a task outlived its set");
}

// --- scopes, join, race ---

// A result that borrows what its task did, until the last moment of the task.
class keepsake {
  public:
    keepsake(std::atomic<int>& of, bool slow) : of_(&of), slow_(slow) { ++*of_; }
    keepsake(keepsake&& other) noexcept : of_(std::exchange(other.of_, nullptr)), slow_(other.slow_) {}
    keepsake& operator=(keepsake&&) = delete;
    ~keepsake() {
        if (of_ == nullptr) return;
        ramie::abort_shield const whole;
        if (slow_) ramie::this_fiber::yield();
        --*of_;
    }

  private:
    std::atomic<int>* of_;
    bool slow_;
};

class family {
  public:
    explicit family(std::atomic<int>& inside) : inside_(inside) {}

    // Lives in a house of its own, which its children borrow.
    int live(std::uint64_t seed, int depth) {
        presence const here(inside_);
        chance dice(seed);
        pause_a_little(dice);
        if (dice.one_in(12)) throw 1;
        if (depth == 0) return 1;
        struct house {
            std::atomic<int> guests{0};
            ~house() { require_empty(); }
            void require_empty() const {
                if (guests != 0) std::abort();  // a child is still in the house that goes
            }
        } home;
        auto const child = [&, s = dice.next()] {
            presence const in_it(home.guests);
            return live(s + static_cast<std::uint64_t>(home.guests.load()), depth - 1);
        };
        switch (dice.below(7)) {
            case 0: {
                auto const [a, b] = ramie::join(child, child);
                return a + b;
            }
            case 1: return ramie::race(child, child, child);
            case 2: {
                auto const [a, b] = ramie::try_join(child, child);
                return a + b;
            }
            case 3: {
                ramie::with_scope([&](ramie::scope& s) {
                    for (int i = 0; i < 3; ++i) (void)s.spawn(child);
                });
                return 1;
            }
            case 4: {
                ramie::scope s;
                std::vector<ramie::join_handle<keepsake>> kept;  // goes while some end
                for (int i = 0; i < 4; ++i) {
                    auto one = s.spawn([&, slow = dice.one_in(2)] {
                        (void)child();
                        return keepsake(home.guests, slow);
                    });
                    if (dice.one_in(2)) kept.push_back(std::move(one));
                }
                if (dice.one_in(4)) s.abort_all();
                pause_a_little(dice);
                return 1;
            }
            case 5: {
                ramie::scoped_task<int> one(ramie::spawn(child)), two(ramie::spawn(child));
                return dice.one_in(2) ? one.get() : two.get();
            }
            default: {
                ramie::cancellation_token const token;
                auto const canceller = ramie::spawn([token, pause = dice.up_to(30us)] {
                    ramie::this_fiber::sleep_for(pause);
                    token.cancel();
                });
                return token.run_until_cancelled(child).value_or(0);
            }
        }
    }

  private:
    std::atomic<int>& inside_;
};

void family_round(chance& dice) {
    std::atomic<int> inside{0};
    family all(inside);
    crowd roots;
    roots.add(3, dice, [&](chance& own) {
        try {
            if (own.one_in(2)) (void)all.live(own.next(), 3);
            else (void)ramie::timeout(own.up_to(100us), [&] { return all.live(own.next(), 3); });
        } catch (int) {
        } catch (ramie::join_error const&) {  // of a child that was aborted meanwhile
        }
    });
    roots.abort_some(dice);
    roots.join();
    require(inside == 0, "a child outlived its parent");
}

// --- trackers and tokens ---

void following_round(chance& dice) {
    ramie::task_tracker tracker;
    ramie::cancellation_token const root;
    std::atomic<int> inside{0};
    std::vector<ramie::join_handle<void>> workers;
    auto const token_of = [&](chance& own) { return own.one_in(2) ? root : root.child_token().child_token(); };
    for (int i = 0; i < 6; ++i)
        workers.push_back(tracker.spawn([&, token = token_of(dice), own = chance(dice.next())]() mutable {
            presence const here(inside);
            while (own.one_in(2) ? !token.wait_for(own.up_to(30us)) : (token.wait(), false)) pause_a_little(own);
        }));
    crowd waiters;
    waiters.add(3, dice, [&](chance& own) {
        if (own.one_in(3)) {
            while (!ramie::timeout(own.up_to(30us), [&] { tracker.wait(); })) {}
        } else {
            tracker.wait();
        }
        require(tracker.size() == 0 && inside == 0, "a tracked task is still there");
    });
    waiters.abort_some(dice);
    for (auto n = dice.below(3); n > 0; --n) workers[dice.below(workers.size())].abort();
    tracker.close();
    std::optional<std::thread> outside;
    if (dice.one_in(4)) outside.emplace([&] { root.cancel(); });
    else root.cancel();
    waiters.join();  // a cancellation that were lost would hang here
    tracker.wait();
    if (outside) outside->join();
    for (auto& w : workers) (void)w.join();
}

}  // namespace

TEST_CASE("stress: a join_set gives every result once, and its tasks end before it") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, set_round);
}
TEST_CASE("stress: families of scopes, joins, races and scoped tasks end from the leaves up") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, family_round);
}
TEST_CASE("stress: a cancellation reaches every waiter, and a task_tracker counts down to nothing") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, following_round);
}
