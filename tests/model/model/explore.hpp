// A model: what is set up, which threads there are, and what must hold at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

namespace ramie::model {

inline constexpr unsigned no_bound = std::numeric_limits<unsigned>::max();

struct bounds {
    unsigned preemptions = 3;  // switches away from a thread that could go on
    unsigned old_reads = 3;    // loads that do not read the newest store
};
inline constexpr bounds everything{no_bound, no_bound};

// --- within a model ---
// A thread, which begins when the set-up is over. Everything of the set-up happens before it.
void thread(std::function<void()> body);
// What is done when all threads have ended; it happens after all of them.
void finally(std::function<void()> body);
// What must hold, wherever it is asked.
void require(bool holds, char const* what);
// One of 0 .. n-1: all are tried.
unsigned choose(unsigned n);

// From here on, in this run, each start of a thread by the sources may be refused, as if the system had none.
void threads_may_be_refused();
// Limits of waits do not pass in this run: what they would find in the end must be found without them.
void limits_do_not_pass();

// --- outside ---
struct findings {
    std::uint64_t runs = 0;
    unsigned deepest = 0;      // steps of the longest run
    std::string failure;       // empty: none. What was wrong, the steps, and how to replay it
    bool cut_short = false;    // by the limit on runs
};
// Tries all runs of the model within the bounds, or up to the first that fails.
findings explore(bounds, std::function<void()> const& model);

// explore(), said and checked as an assertion of the running test case.
void check(bounds, std::function<void()> const& model);
// The same for a model that must fail; `what` is part of the failure's text.
void check_fails(bounds, char const* what, std::function<void()> const& model);

}  // namespace ramie::model
