// libramie-hook, preloaded: into programs with a libramie of their own, and into those without.
#include "preloading.hpp"

using namespace ramie::testing;

TEST_CASE("hook: preloaded into programs without a runtime it changes nothing") {
    if (!can_preload()) return;
    auto const script =
        std::string("cat /etc/hostname; printf 'b\\na\\n' | sort | tr a-z A-Z; sleep 0.01; ls / | head -3");
    auto const plain = output_of({"sh", "-c", script});
    CHECK(plain.exited_with(0));
    CHECK(output_of({"sh", "-c", script}, HOOK_LIBRARY).output == plain.output);
    CHECK(output_of({HOOK_PROGRAM, "plain"}, HOOK_LIBRARY).output == output_of({HOOK_PROGRAM, "plain"}).output);
}

TEST_CASE("hook: preloaded into a program that has a libramie of its own, it finds it") {
    if (!can_preload()) return;
    auto const plain = output_of({HOOK_PROGRAM, "plain"});
    auto const fibers = output_of({HOOK_PROGRAM, "fibers"}, HOOK_LIBRARY);
    CHECK(fibers.exited_with(0));
    CHECK(fibers.output == plain.output);
    auto const interleaved = output_of({HOOK_PROGRAM, "interleaved"}, HOOK_LIBRARY);
    CHECK_MESSAGE(interleaved.output == "read\n", interleaved.output);
    auto const without = output_of({HOOK_PROGRAM, "interleaved"});
    CHECK(without.exited_with(1));
    CHECK(without.said("LD_PRELOAD"));
}
