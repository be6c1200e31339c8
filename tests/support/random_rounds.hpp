// What stress cases share: short rounds of tasks on 1, 2 and 4 workers until the time is over, some of the tasks
// aborted.
#pragma once

#include "chance.hpp"
#include "tracked.hpp"

#include <ramie/join_handle.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace ramie::testing {

// For tasks: what it throws fails the case through the joins.
inline void require(bool holds, char const* what) {
    if (!holds) throw std::logic_error(what);
}

inline void pause_a_little(chance& dice) {
    if (dice.one_in(4)) this_fiber::yield();
    if (dice.one_in(40)) this_fiber::sleep_for(dice.up_to(std::chrono::microseconds(50)));
}

// Calls `round` as the root task on each number of workers, at least once and until the time is over: one of `cases`
// that share a second.
template <class Round>
void on_all_worker_counts(double cases, Round round) {
    for (unsigned const workers : {1u, 2u, 4u}) {
        CAPTURE(workers);
        stress_time const time(3 * cases);
        // Tasks that nobody joins fail on purpose; what must not fail is joined.
        run({.workers = workers, .on_task_failure = [](join_error const&) {}}, [&] {
            for (std::uint64_t n = 1; n == 1 || time.goes_on(); ++n) {
                chance dice(workers * 1'000'003 + n * 101);
                round(dice);
            }
        });
        CHECK(tracked::alive() == 0);
    }
}

// A crowd of tasks, some of which are aborted. An exception that is not an abort fails the case.
class crowd {
  public:
    template <class F>
    void add(std::size_t n, chance& dice, F work) {
        for (std::size_t i = 0; i < n; ++i)
            tasks_.push_back(spawn([work, own = chance(dice.next())]() mutable { work(own); }));
    }
    void abort_some(chance& dice) {
        for (auto n = dice.below(4); n > 0; --n) {
            pause_a_little(dice);
            tasks_[dice.below(tasks_.size())].abort();
        }
    }
    void join() {
        for (auto& t : tasks_) {
            auto const end = t.join();
            if (!end.has_value() && !end.error().is_cancelled()) end.error().rethrow();
        }
        tasks_.clear();
    }

  private:
    std::vector<join_handle<void>> tasks_;
};

}  // namespace ramie::testing
