// Shrinking: which of a failing run's choices matter.
//
// A run fails with the choices C (those that were not the plainest). Parts of C are left out, a half at first, then
// smaller parts, as long as the run without them fails in the same way. Leaving a choice out changes what later choices
// are about; but their values stay as they were, and most often the run still gets to the same place.
#include "simulation/trial.hpp"

#include <algorithm>

namespace ramie::detail {

namespace {

using numbers = std::vector<std::uint32_t>;

numbers without(numbers const& all, std::size_t first, std::size_t count) {
    auto rest = all;
    auto const from = rest.begin() + static_cast<std::ptrdiff_t>(first);
    rest.erase(from, from + static_cast<std::ptrdiff_t>(std::min(count, all.size() - first)));
    return rest;
}

}  // namespace

schedule shrunk(schedule const& failing, trial const& first, borrowed_call f,
                testing::simulation_options const& options) {
    hushed_checks const meanwhile;
    schedule best{failing.seed, first.notable};
    auto& kept = *best.kept;
    unsigned runs = 0;
    auto const fails_too = [&](numbers const& candidate, numbers& notable) {
        ++runs;
        auto const t = make_trial({failing.seed, candidate}, f, options);
        notable = t.notable;
        return t.how == first.how;
    };
    for (auto part = std::max<std::size_t>(kept.size(), 1); part > 0; part = part == 1 ? 0 : (part + 1) / 2) {
        for (std::size_t at = 0; at < kept.size();) {
            if (runs == options.most_shrinking_runs) return best;
            numbers notable;
            // A choice that was kept and turned out plain, or was never reached, goes too.
            if (fails_too(without(kept, at, part), notable))
                kept = std::move(notable);
            else
                at += part;
        }
    }
    return best;
}

}  // namespace ramie::detail
