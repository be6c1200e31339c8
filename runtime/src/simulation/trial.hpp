// One run of a simulation, and what came of it.
#pragma once

#include <ramie/detail/simulation/stage.hpp>
#include <ramie/simulate.hpp>

#include <exception>
#include <string>
#include <vector>

namespace ramie::detail {

struct trial {
    enum class end : std::uint8_t { good, exception, check, deadlock, endless, unseen };
    bool failed() const noexcept { return how != end::good; }

    end how = end::good;
    std::string why;               // of a failure
    std::exception_ptr exception;  // f's own; or a simulation_failed
    testing::simulated_run run;
    std::string last_events;
    std::uint32_t choices = 0;
    std::vector<std::uint32_t> notable;  // the choices that were not the plainest
};

// Makes it. std::logic_error: the caller is a task.
trial make_trial(schedule const& by, borrowed_call f, testing::simulation_options const& options);

// The fewest of the failing trial's notable choices that it was found to fail with, in the same way.
schedule shrunk(schedule const& failing, trial const& first, borrowed_call f,
                testing::simulation_options const& options);

// While one of these lives, checks that fail are not reported.
class hushed_checks {
  public:
    hushed_checks() noexcept;
    hushed_checks(hushed_checks const&) = delete;
    hushed_checks& operator=(hushed_checks const&) = delete;
    ~hushed_checks();
};

}  // namespace ramie::detail
