// soak SECONDS [LOAD] | soak rounds=N [LOAD]: a mixed load (or one, by its name) for so long, or so many rounds of each; then
// everything must be back where it was before. A first phase warms up, and what there is at rest after it is the base. Each phase (a
// minute of load, or a third of the rounds) ends at rest, with a line of a table. Exit status 1 if there is more at the end than at
// the base, or if a load got another answer than it must.
//
// It takes half a processor (RAMIE_SOAK_PROCESSORS); with rounds, as much as it gets. RAMIE_TEST_SEED as in tests.
#include "mixed_program.hpp"
#include "pace.hpp"
#include "readings.hpp"
#include "servers.hpp"

#include <ramie/detail/stack/stack.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <malloc.h>

using namespace std::chrono_literals;
using namespace ramie::soak;
using std::chrono::steady_clock;

namespace {

struct wish {
    std::chrono::seconds time{0};
    std::uint64_t rounds = 0;  // instead of a time
    double processors = 0.5;
    std::string_view only;

    bool is_short() const { return rounds > 0; }
    int phases() const { return is_short() ? 3 : static_cast<int>(std::max<long>(1, time.count() / 60)); }
};

class soaking {
  public:
    explicit soaking(wish const& w) : wish_(w) {
        if (w.is_short()) ramie::detail::set_stack_decay(500ms);
    }

    // True: all is back.
    bool run() {
        auto serving = rt_.block_on([] { return std::make_unique<servers>(); });
        collect_loads();
        print_head();
        rt_.block_on([&] { load_for_a_phase(0); });
        base_ = rest_of_base();
        print_line(0, base_);
        std::string more;
        for (int phase = 1; phase <= wish_.phases(); ++phase) {
            rt_.block_on([&] { load_for_a_phase(phase); });
            auto const now = rest();
            print_line(phase, now);
            more = now.beyond(base_);
            if (!more.empty()) std::printf("phase %d: %s\n", phase, more.c_str());
        }
        rt_.block_on([&] { serving.reset(); });
        return more.empty();
    }

  private:
    void collect_loads() {
        loads_ = task_loads();
        for (auto const& more : {outside_loads(), servers::clients()}) loads_.insert(loads_.end(), more.begin(), more.end());
        loads_.push_back({"mixed program", [](chance&) {
                              for (auto const& step : ramie::testing::mixed_steps()) step.run();
                          }, 100ms});
        if (!wish_.only.empty()) std::erase_if(loads_, [&](load const& l) { return wish_.only != l.name; });
    }

    static void print_head() {
        auto const names = " phase | rounds | CPU s |" + readings::head();
        std::string rule;
        for (char const c : names)
            if (c == '|') rule += " --- |";
        std::printf("RAMIE_TEST_SEED=%llu\n|%s\n|%s\n", static_cast<unsigned long long>(ramie::testing::test_seed()), names.c_str(), rule.c_str());
    }
    void print_line(int phase, readings const& now) const {
        std::printf("| %d | %llu | %.0f |%s\n", phase, static_cast<unsigned long long>(rounds_.load()), pace::used().count(), now.line().c_str());
        std::fflush(stdout);
    }

    // The first is twice as long: caches are to be as full as they get.
    void load_for_a_phase(int phase) {
        pace const turns(wish_.is_short() ? 0 : wish_.processors);
        auto const until = steady_clock::now() + std::min<std::chrono::seconds>(wish_.time, 60s) * (phase == 0 ? 2 : 1);
        auto const most = wish_.rounds / 3 * (phase == 0 ? 2 : 1);
        // Of those that pause long there are fewer rounds, too.
        auto const goes_on = [&](load const& what, std::uint64_t done) {
            return wish_.is_short() ? done * (1 + static_cast<std::uint64_t>(what.pause / 50ms)) < most : steady_clock::now() < until;
        };
        std::vector<ramie::join_handle<void>> all;
        for (std::size_t i = 0; i < loads_.size(); ++i)
            all.push_back(ramie::spawn({.name = loads_[i].name}, [&, what = loads_[i], dice = chance(i * 1000 + static_cast<std::uint64_t>(phase))]() mutable {
                for (std::uint64_t done = 0; goes_on(what, done); ++done) {
                    turns.wait_for_turn();
                    what.round(dice);
                    ++rounds_;
                    if (!wish_.is_short()) ramie::this_fiber::sleep_for(what.pause);
                }
            }));
        for (auto& each : all) each.get();
    }

    // Threads of pools are kept for ten seconds, stacks and other memory too, and some of it goes back in three steps of that.
    readings rest_of_base() const {
        std::this_thread::sleep_for(wish_.is_short() ? 13s : 45s);
        return readings::of(rt_);
    }
    readings rest() const {
        auto const limit = steady_clock::now() + 60s;
        auto now = readings::of(rt_);
        while (!now.beyond(base_).empty() && steady_clock::now() < limit) {
            std::this_thread::sleep_for(500ms);
            now = readings::of(rt_);
        }
        return now;
    }

    wish wish_;
    // Few spares, and soon as many as ever: each keeps its record and its queues' memory for the next one.
    ramie::runtime rt_{{.workers = 2, .max_blocking_threads = 6, .stall_threshold = 100ms, .on_task_failure = [](ramie::join_error const&) {}}};
    std::vector<load> loads_;
    std::atomic<std::uint64_t> rounds_{0};
    readings base_;
};

bool read(int argc, char** argv, wish& into) {
    if (argc != 2 && argc != 3) return false;
    if (argc == 3) into.only = argv[2];
    std::string_view const word(argv[1]);
    bool const is_rounds = word.starts_with("rounds=");
    auto const value = std::strtoull(argv[1] + (is_rounds ? 7 : 0), nullptr, 10);
    if (is_rounds) into.rounds = std::max(value, 3ull);
    else into.time = std::chrono::seconds(value);
    if (auto const* const share = std::getenv("RAMIE_SOAK_PROCESSORS")) into.processors = std::strtod(share, nullptr);
    return value > 0;
}

}  // namespace

int main(int argc, char** argv) {
    wish wanted;
    if (!read(argc, argv, wanted)) {
        std::fputs("usage: soak SECONDS [LOAD] | soak rounds=N [LOAD]\n", stderr);
        return 2;
    }
    ::mallopt(M_ARENA_MAX, 1);  // what malloc keeps in other arenas no malloc_trim() gives back
    ::setenv("RAMIE_DUMP_FILE", "/dev/null", 1);
    ::setenv("RAMIE_DUMP_ON", "SIGQUIT", 1);  // even where a shell ignores it
    try {
        if (!soaking(wanted).run()) return 1;
    } catch (std::exception const& e) {
        std::printf("failed: %s\n", e.what());
        return 1;
    }
    std::puts("all is back where it was");
}
