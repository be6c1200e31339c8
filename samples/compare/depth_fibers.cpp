// depth_fibers [CALLS [LEVELS [WAIT_EVERY [TASKS [PAUSE_MS]]]]]: calls through many levels; the last may wait.
//
// To be read beside depth_coroutines.cpp. Here only the lowest level knows that there is waiting.

#include "levels.hpp"

#include <ramie/ramie.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace {

[[gnu::noinline]] std::uint64_t lowest(std::uint64_t call, depth::plan const& p) {
    if (p.waits(call)) {
        if (p.pause.count() > 0) ramie::this_fiber::sleep_for(p.pause);
        else ramie::this_fiber::yield();
    }
    return call;
}

[[gnu::noinline]] std::uint64_t level(std::uint64_t number, std::uint64_t call, depth::plan const& p) {
    if (number == 0) return lowest(call, p);
    return depth::mixed(level(number - 1, call, p), number);
}

std::uint64_t task(depth::plan const& p) {
    std::uint64_t sum = 0;
    for (std::uint64_t call = 1; call <= p.calls; ++call) sum += level(p.levels, call, p);
    return sum;
}

}  // namespace

int main(int argc, char** argv) {
    auto const p = depth::plan_from(argc, argv);
    return depth::report(p, ramie::run([&] {
        std::vector<ramie::join_handle<std::uint64_t>> tasks;
        for (std::uint64_t i = 0; i < p.tasks; ++i) tasks.push_back(ramie::spawn(task, std::ref(p)));
        std::uint64_t sum = 0;
        for (auto& t : tasks) sum += t.get();
        return sum;
    }));
}
