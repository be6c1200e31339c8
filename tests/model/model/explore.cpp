#include "explore.hpp"

#include "run.hpp"
#include "weakening.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include <doctest/doctest.h>

namespace ramie::model {

namespace {

// The standard library takes shortcuts in a process that never had a second thread; a model has several.
[[maybe_unused]] bool const had_a_thread = [] {
    std::thread([] {}).join();
    return true;
}();

// With RAMIE_TEST_SCALE of 10 and more (./tests/run --long) bounds are wider.
bool in_long_form() {
    auto const* const scale = std::getenv("RAMIE_TEST_SCALE");
    return scale != nullptr && std::atof(scale) >= 10;
}
std::uint64_t most_runs() { return in_long_form() ? 20'000'000 : 500'000; }
unsigned wider(unsigned bound) { return bound == no_bound || !in_long_form() ? bound : bound + 1; }

std::string told(bounds b, decisions path, std::function<void()> const& model) {
    run again(b, path, true);
    again.go(model);
    at_work const whole;
    return again.failure() + "\n" + again.story() + "  replay: RAMIE_MODEL_REPLAY=" + path.text();
}

}  // namespace

findings explore(bounds b, std::function<void()> const& model) {
    findings found;
    begin_test_case(doctest::getContextOptions()->currentTest->m_name);
    if (auto const* const replay = std::getenv("RAMIE_MODEL_REPLAY"); replay != nullptr) {
        found.runs = 1;
        found.failure = told(b, decisions::of(replay), model);
        return found;
    }
    decisions path;
    for (;;) {
        std::string failure;
        {
            run one(b, path, false);
            one.go(model);
            ++found.runs;
            found.deepest = std::max(found.deepest, one.steps());
            at_work const whole;
            failure = one.failure();
        }
        if (!failure.empty()) {
            found.failure = told(b, path, model);
            // The failed run may have left something in a static object.
            if (!found.failure.starts_with(failure))
                found.failure = failure + "\n  (the steps: in a process of its own)\n  replay: RAMIE_MODEL_REPLAY=" + path.text();
            return found;
        }
        if (!path.advance()) return found;
        if (found.runs >= most_runs()) {
            found.cut_short = true;
            return found;
        }
    }
}

void check(bounds b, std::function<void()> const& model) {
    auto const found = explore({wider(b.preemptions), wider(b.old_reads)}, model);
    MESSAGE(found.runs, " runs, the deepest of ", found.deepest, " steps", std::string(found.cut_short ? "; there are more" : ""));
    CHECK_MESSAGE(found.failure.empty(), found.failure);
}

void check_fails(bounds b, char const* what, std::function<void()> const& model) {
    auto const found = explore(b, model);
    CAPTURE(found.failure);
    CHECK(found.failure.find(what) != std::string::npos);
}

}  // namespace ramie::model
