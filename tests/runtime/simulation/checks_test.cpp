// A check of a test framework that fails in a simulation: it carries the seed, and the run has failed.
#include "child_process.hpp"

#include <doctest/doctest.h>

using ramie::testing::in_child;

namespace {

ramie::testing::child_end end_of(char const* program) {
    return in_child([&] {
        ::execl(program, program, nullptr);
        ::_exit(127);
    });
}

std::size_t count(std::string const& text, std::string const& what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
    return n;
}

void says_seed_and_shrinks(ramie::testing::child_end const& end) {
    CHECK(end.exited_with(1));
    CHECK(end.said("in a simulation: RAMIE_SIM_SEED=17\n"));
    CHECK(end.said("ramie: a simulation failed: a check failed"));
    // As it came, and shrunk; not in the runs between.
    CHECK(count(end.output, "in a simulation: RAMIE_SIM_SEED=20") == 2);
    CHECK(end.said("in a simulation: RAMIE_SIM_SEED=20:"));
}

}  // namespace

TEST_CASE("checks: doctest's") {
    auto const end = end_of(CHECKS_OF_DOCTEST);
    CAPTURE(end.output);
    says_seed_and_shrinks(end);
    CHECK(end.said("1 passed | 2 failed"));
    auto const after = end.output.find("2 + 2 == 5");
    CHECK(end.output.substr(after, 100).find("logged:") == std::string::npos);
}

#if defined(CHECKS_OF_GOOGLETEST)
TEST_CASE("checks: GoogleTest's") {
    auto const end = end_of(CHECKS_OF_GOOGLETEST);
    CAPTURE(end.output);
    says_seed_and_shrinks(end);
    CHECK(end.said("[  PASSED  ] 1 test."));
}
#endif
