#include <ramie/simulate.hpp>

#include "simulation/trial.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace ramie::detail {

namespace {

// By RAMIE_SIM_SEED.
std::optional<schedule> asked_for() {
    char const* const text = std::getenv("RAMIE_SIM_SEED");
    if (text == nullptr || *text == '\0') return std::nullopt;
    if (auto s = schedule::parse(text)) return s;
    throw std::invalid_argument(
        std::string("ramie: the environment variable RAMIE_SIM_SEED is \"") + text +
        "\"; accepted are a number up to 18446744073709551615 and, after a colon, the numbers of "
        "choices in rising order with commas between them, as a failing simulation prints them");
}

void print(schedule const& by, trial const& failed) {
    auto const lines = std::min<std::uint64_t>(failed.run.events, event_log::kept_lines);
    std::fprintf(stderr,
                 "ramie: a simulation failed: %s\n"
                 "ramie: its last %llu of %llu events:\n%s"
                 "ramie: to see it again: RAMIE_SIM_SEED=%s\n",
                 failed.why.c_str(), static_cast<unsigned long long>(lines),
                 static_cast<unsigned long long>(failed.run.events), failed.last_events.c_str(), by.text().c_str());
}

[[noreturn]] void report(schedule const& by, trial const& failed) {
    print(by, failed);
    std::rethrow_exception(failed.exception);
}

testing::simulated_run only(schedule const& by, borrowed_call f, testing::simulation_options const& options) {
    auto result = make_trial(by, f, options);
    if (result.failed()) report(by, result);
    return std::move(result.run);
}

}  // namespace

testing::simulated_run simulate(std::uint64_t seed, borrowed_call f, testing::simulation_options const& options) {
    return only(asked_for().value_or(schedule{seed}), f, options);
}

std::uint64_t explore(std::uint64_t n, borrowed_call f, testing::simulation_options const& options) {
    if (auto const one = asked_for()) {
        (void)only(*one, f, options);
        return 1;
    }
    for (std::uint64_t seed = 1; seed <= n; ++seed) {
        schedule const by{seed};
        auto const first = make_trial(by, f, options);
        if (!first.failed()) continue;
        std::fprintf(stderr, "ramie: run %llu of %llu failed: %s\n", static_cast<unsigned long long>(seed),
                     static_cast<unsigned long long>(n), first.why.c_str());
        if (options.most_shrinking_runs == 0) report(by, first);
        auto const smaller = shrunk(by, first, f, options);
        auto const again = make_trial(smaller, f, options);
        if (!again.failed()) report(by, first);  // not the same each time: f uses what is not simulated
        std::fprintf(stderr, "ramie: of its %u choices, these %zu are enough for it to fail\n", first.choices,
                     smaller.kept->size());
        report(smaller, again);
    }
    return n;
}

}  // namespace ramie::detail

namespace ramie::testing {

std::uint64_t simulation_seed() {
    if (auto const* const on = detail::this_stage()) return on->choices.by().seed;
    throw std::logic_error("ramie: simulation_seed outside a simulation");
}

void note(std::string_view event) {
    if (auto* const on = detail::this_stage()) on->note(event);
}

}  // namespace ramie::testing
