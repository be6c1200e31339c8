// The mixed program in a world with less in it: a process that never had another, so that the loader, static initialisers and the C
// library live in it too. A test case enters the world in a child, which executes this program anew to run one test case that is
// marked doctest::skip(), and that case calls run_in_this_world(). Each step there ends by its right value or by an error.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace ramie::testing {

// Thrown by what would enter a world that cannot be had on this machine; says what is missing.
struct no_such_world {
    std::string why;
};

// What a runtime of the program came to.
struct world_report {
    std::string runtime;                                         // which one
    std::string not_started;                                     // why not; empty: it started
    std::vector<std::pair<std::string, std::string>> failures;   // the steps that ended by an error, and why
    unsigned workers = 0;                                        // how many it had
    bool ended = false;
    bool all_well() const { return not_started.empty() && failures.empty() && ended; }
    bool failed(std::string const& step) const;
    bool operator==(world_report const&) const = default;
};

struct world_end {
    int status = 0;
    std::string output;                  // stdout and stderr
    std::vector<world_report> runtimes;  // a current_thread one, one with two workers, one with nothing set
    bool skipped = false;                // a line on stdout has said why
    bool exited_with(int code) const;
    bool said(std::string const& text) const { return output.find(text) != output.npos; }
    // Whether all three runtimes had every step right.
    bool all_well() const;
};

// `enter` runs in the child before it executes the program; the case may have no comma in its name.
world_end in_world(std::string const& name, std::function<void()> const& enter, char const* test_case);

// Prints, and counts, a world that this machine has not.
void skip_world(std::string const& name, std::string const& why);

// The case that most worlds run.
inline constexpr char const* usual_case = "worlds: (the mixed program)";

// Runs the steps in each of the three runtimes. `before`: what else is to be done in the process first.
void run_in_this_world(std::function<void()> const& before = [] {});

}  // namespace ramie::testing
