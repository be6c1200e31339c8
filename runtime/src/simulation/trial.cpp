#include "simulation/trial.hpp"

#include "carrier.hpp"
#include "scheduler.hpp"
#include "start.hpp"

#include <ramie/runtime.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace ramie::detail {

namespace {

using testing::check_framework;
using testing::simulation_failed;
using testing::simulation_options;

constexpr check_framework no_checks{[] { return std::uint64_t{0}; }, [](char const*) -> void* { return nullptr; },
                                    [](void*) {}, [](bool) {}};
constinit std::atomic<check_framework const*> checks{&no_checks};

check_framework const& used_checks() noexcept {
    // acquire pairs with the release in use_checks().
    return *checks.load(std::memory_order_acquire);
}

// While one of these lives, a failed check says how to repeat the run.
class seed_in_checks {
  public:
    explicit seed_in_checks(schedule const& by)
        : text_("in a simulation: RAMIE_SIM_SEED=" + by.text()), of_(used_checks()), noted_(of_.begin(text_.c_str())) {}
    seed_in_checks(seed_in_checks const&) = delete;
    seed_in_checks& operator=(seed_in_checks const&) = delete;
    ~seed_in_checks() { of_.end(noted_); }

  private:
    std::string const text_;
    check_framework const& of_;
    void* const noted_;
};

settings simulated_settings(stage& on, simulation_options const& options) {
    runtime_options wanted;
    wanted.current_thread = true;
    wanted.workers = 1;
    wanted.dump_on = 0;
    wanted.report_deadlocks = false;  // they are failures
    wanted.on_task_failure = [&on, tolerated = options.tolerate_unseen_failures](join_error const& e) {
        auto const why = std::string(e.what()) + ", and nobody joins it";
        if (tolerated)
            on.note(why);
        else
            on.fail(stage::failing::unseen, why);
    };
    auto s = settle(wanted);
    s.watched = s.force_migration = false;
    s.simulated = &on;
    return s;
}

std::string text_of(std::exception_ptr const& e) {
    try {
        std::rethrow_exception(e);
    } catch (std::exception const& known) { return known.what(); } catch (...) {
        return "an exception that is not a std::exception";
    }
}

trial::end end_of(stage::failing how) noexcept {
    switch (how) {
    case stage::failing::check: return trial::end::check;
    case stage::failing::deadlock: return trial::end::deadlock;
    case stage::failing::endless: return trial::end::endless;
    case stage::failing::unseen: break;
    }
    return trial::end::unseen;
}

[[noreturn]] void die_of_survivors(std::vector<std::string> const& left) {
    std::fprintf(stderr, "ramie: a simulation is over, and %zu of its tasks did not end after they were aborted:\n",
                 left.size());
    for (auto const& each : left) std::fprintf(stderr, "ramie:   %s\n", each.c_str());
    std::fprintf(stderr, "ramie: a fiber cannot be destroyed by force, so the process ends here\n");
    std::abort();
}

// One simulation: its stage, and the runtime on it.
class simulation {
  public:
    simulation(schedule const& by, simulation_options const& options)
        : on_(by, options.keep_log || std::getenv("RAMIE_SIM_LOG") != nullptr, options.most_turns) {
        stages.fetch_add(1, std::memory_order_relaxed);
        try {
            home_ = start_scheduler(simulated_settings(on_, options));
        } catch (...) {
            stages.fetch_sub(1, std::memory_order_relaxed);
            throw;
        }
    }
    simulation(simulation const&) = delete;
    simulation& operator=(simulation const&) = delete;
    ~simulation() {
        home_.reset();
        stages.fetch_sub(1, std::memory_order_relaxed);
    }

    trial run(borrowed_call f) {
        this_thread_carrier const binding(home_->workers[0]);
        auto const failed_before = used_checks().failed();
        auto root =
            access::make<runtime_handle>(home_).spawn(task_options{.name = "the simulated function"}, f);
        auto& task = access::held(root);
        home_->run_here([&] { return task.state.is_finished() || on_.failed() || on_.is_endless(); });
        if (on_.is_endless()) on_.fail(stage::failing::endless, "it made " + std::to_string(on_.turns()) + " turns");
        std::exception_ptr thrown;
        if (task.state.is_finished()) {
            if (auto const end = root.join(); !end && end.error().is_exception()) thrown = end.error().exception();
        }
        auto const left = home_->shut_down(on_.now() + home_->options.shutdown_timeout);
        if (!left.empty()) die_of_survivors(left);
        if (used_checks().failed() != failed_before) on_.fail(stage::failing::check, "a check failed");
        return outcome(thrown);
    }

  private:
    // What comes first explains what comes later: a task's failure, say, why the others wait.
    trial outcome(std::exception_ptr const& thrown) {
        trial t;
        if (on_.failed()) {
            t.how = end_of(on_.failed()->how);
            t.why = on_.failed()->why;
        }
        if (thrown != nullptr) {
            t.how = trial::end::exception;
            t.why = text_of(thrown);
            on_.note("the run fails: ", t.why);
        }
        if (t.failed())
            t.exception = thrown ? thrown : std::make_exception_ptr(simulation_failed("a simulation failed: " + t.why));
        auto const& log = on_.log;
        t.run = {on_.choices.by().seed, log.count(), log.digest(),
                 static_cast<std::uint64_t>((on_.now() - stage::start).count()), log.whole()};
        t.last_events = log.last();
        t.choices = on_.choices.count();
        t.notable = on_.choices.notable();
        return t;
    }

    stage on_;
    std::shared_ptr<scheduler> home_;
};

void write_log(std::string const& log) {
    char const* const name = std::getenv("RAMIE_SIM_LOG");
    if (name == nullptr) return;
    auto* const file = std::fopen(name, "w");
    bool const written = file != nullptr && std::fwrite(log.data(), 1, log.size(), file) == log.size();
    if (file == nullptr || std::fclose(file) != 0 || !written)
        throw std::invalid_argument(std::string("ramie: the environment variable RAMIE_SIM_LOG is \"") + name +
                                    "\"; accepted is a file that can be written");
}

}  // namespace

trial make_trial(schedule const& by, borrowed_call f, simulation_options const& options) {
    if (waiter::self().is_fiber() || this_stage() != nullptr)
        throw std::logic_error("ramie: a simulation inside a task; call simulate() and explore() on a plain thread");
    seed_in_checks const until_over(by);
    auto result = simulation(by, options).run(f);
    write_log(result.run.log);
    if (!options.keep_log) result.run.log.clear();
    return result;
}

hushed_checks::hushed_checks() noexcept {
    used_checks().hush(true);
}
hushed_checks::~hushed_checks() {
    used_checks().hush(false);
}

}  // namespace ramie::detail

namespace ramie::testing {

// release pairs with the acquire in used_checks().
void use_checks(check_framework const& of) noexcept {
    detail::checks.store(&of, std::memory_order_release);
}

}  // namespace ramie::testing
