// Simulation: the program's own code on one thread, in virtual time and in an order that a seed chooses. The same seed
// gives the same run, so a failure that comes once in a thousand runs can be looked at again and again.
//
//     ramie::testing::explore(1000, [] {
//         ramie::channel<int> ...                      // whatever the program does: spawn, wait, sleep, talk
//         if (...) throw std::runtime_error("lost");   // a failure is an exception that leaves the function
//     });
//
// Inside, all of Ramie has its usual names and meaning. What is simulated:
//   - Which task runs next, and how long its turn takes, is the seed's choice. Time jumps when all tasks wait.
//   - spawn_blocking runs its job in turn, on a stack of 1 MiB; no abort interrupts it. block_in_place calls its
//   function.
//   - steady_clock, system_clock (clock.hpp) and random_source (random.hpp) follow the simulation. std's clocks and
//     generators do not: code that is to be simulated uses Ramie's.
// std::logic_error, with a message, for what cannot be the same each time: files, pipes, Unix sockets, children,
// signals, another runtime. A thread that is not part of the simulation and wakes one of its tasks ends the process.
//
// A run fails if its function throws; if all tasks wait and nothing is left that could wake one; if it does not end; if
// a task fails and no handle can receive that; or if a check of the test framework fails (testing/doctest.hpp,
// testing/googletest.hpp). Then its seed and its last 100 events are printed on stderr. When the function returns, the
// tasks that are left are aborted and waited for.
//
// Environment: RAMIE_SIM_SEED, as printed by a failure, takes the place of the seeds of simulate() and explore();
// RAMIE_SIM_LOG names a file to which the events of each run are written (of several runs, the last one's stay).
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/borrowed_call.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace ramie::testing {

struct simulation_options {
    // A run that has made so many turns of tasks has failed: it may never end.
    std::uint64_t most_turns = 1'000'000;
    // A task's failure that no handle can receive is only noted in the log.
    bool tolerate_unseen_failures = false;
    // simulated_run::log has all events.
    bool keep_log = false;
    // explore(): how many runs the shrinking of a failing one may take. 0: it is not shrunk.
    unsigned most_shrinking_runs = 300;
};

// A run that has not failed.
struct simulated_run {
    std::uint64_t seed = 0;
    std::uint64_t events = 0;
    // FNV-1a, 64 bits, of the events' lines.
    std::uint64_t digest = 0;
    // Virtual time from the beginning to the end.
    std::uint64_t nanoseconds = 0;
    // All events, a line each; empty unless asked for.
    std::string log;
};

// A run that has failed, and not by an exception of its own: it does not get on (all tasks wait), does not end, a
// task's failure was not received, or a check failed.
class RAMIE_API simulation_failed : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace ramie::testing

namespace ramie::detail {
RAMIE_API testing::simulated_run simulate(std::uint64_t seed, borrowed_call f,
                                          testing::simulation_options const& options);
RAMIE_API std::uint64_t explore(std::uint64_t n, borrowed_call f, testing::simulation_options const& options);
}  // namespace ramie::detail

namespace ramie::testing {

// Runs f() with this seed. If the run fails: prints how to repeat it, and throws f's exception or simulation_failed.
// From a plain thread; std::logic_error in a task. std::invalid_argument: RAMIE_SIM_SEED is not of its form.
template <class F>
    requires std::is_invocable_v<F&>
simulated_run simulate(std::uint64_t seed, F&& f, simulation_options const& options = {}) {
    return detail::simulate(seed, detail::borrowed_call(f), options);
}

// Runs f() with the seeds 1 to n, until a run fails. That one is shrunk: as many as possible of its choices are taken
// back to the plainest ones (the oldest task next, no delay, no fault), as long as it still fails. Then as simulate().
// Returns how many runs there were.
template <class F>
    requires std::is_invocable_v<F&>
std::uint64_t explore(std::uint64_t n, F&& f, simulation_options const& options = {}) {
    return detail::explore(n, detail::borrowed_call(f), options);
}

// The seed of the simulation that runs the caller. std::logic_error outside.
[[nodiscard]] RAMIE_API std::uint64_t simulation_seed();
// Adds a line to the events. Nothing outside a simulation, so that code under test may call it.
RAMIE_API void note(std::string_view event);

// How a simulation hears of a test framework's checks, which do not throw; testing/doctest.hpp and testing/googletest.hpp
// have it for two. All are called on the thread of the simulation.
struct check_framework {
    // How many checks have failed so far.
    std::uint64_t (*failed)();
    // From now on, until the result is given to end(), messages of failed checks say this, too.
    void* (*begin)(char const* about);
    void (*end)(void*);
    // While on: failed checks are not reported. (For the runs that shrink one.)
    void (*hush)(bool on);
};
// One for the process; the last one counts.
RAMIE_API void use_checks(check_framework const& of) noexcept;

}  // namespace ramie::testing
