// libramie-hook and function-local statics whose initialiser parks.
#include "child_process.hpp"
#include "sockets.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/spawn.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace ramie::testing;

namespace {

bool can_guard() {
#if defined(RAMIE_TSAN)
    MESSAGE("skipped: TSan replaces the guards of statics by its own");
    return false;
#else
    return true;
#endif
}

std::atomic<int> initialised{0};

struct slow_to_make {
    explicit slow_to_make(bool fails) {
        ::usleep(20'000);
        if (fails) throw std::runtime_error("not this time");
        ++initialised;
    }
};
slow_to_make& shared_static() {
    static slow_to_make made(false);
    return made;
}
slow_to_make& failing_static(std::atomic<int>& attempts) {
    static slow_to_make made(++attempts < 3);
    return made;
}
int recursive_static(int n) {
    static int const made = n == 0 ? 0 : recursive_static(n - 1);
    return made;
}

}  // namespace

TEST_CASE("hook: a static whose initialiser parks is initialised once, and the others wait for it") {
    if (!can_guard()) return;
    ramie::run({.workers = 2}, [] {
        std::vector<ramie::join_handle<void>> all;
        for (int i = 0; i < 20; ++i) all.push_back(ramie::spawn([] { shared_static(); }));
        std::thread also([] { shared_static(); });
        for (auto& each : all) soon([&] { each.get(); });
        also.join();
        CHECK(initialised == 1);
        std::atomic<int> attempts{0};
        std::vector<ramie::join_handle<int>> trying;
        for (int i = 0; i < 5; ++i) {
            trying.push_back(ramie::spawn([&] {
                try {
                    failing_static(attempts);
                    return 0;
                } catch (std::runtime_error const&) { return 1; }
            }));
        }
        int failed = 0;
        for (auto& each : trying) failed += soon([&] { return each.get(); });
        CHECK(failed == 2);
        CHECK(attempts == 3);
        CHECK(initialised == 2);
    });
}

TEST_CASE("hook: a static that comes back to itself ends the process with a message") {
    if (!can_guard()) return;
    auto const end = in_child([] { ramie::run({.workers = 1}, [] { recursive_static(1); }); });
    CHECK(end.killed_by(SIGABRT));
    CHECK(end.said("comes back to that static"));
}
