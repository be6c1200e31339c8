// Everything a fiber can park in on the fibers floor, for specifications that hold for every wait.
#pragma once

#include <ramie/condition_variable.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/this_fiber.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace ramie::testing {

// `held` is locked by the test; nobody notifies; `child` is to be set to a task that does not end.
struct places {
    ramie::mutex held, free;
    ramie::condition_variable changed;
    ramie::notify signal;
    ramie::join_handle<void> child;

    places() { held.lock(); }

    using wait = std::pair<std::string, std::function<void(places&)>>;

    // Each waits for more than an hour, if not for ever.
    static std::vector<wait> all() {
        using namespace std::chrono_literals;
        return {
            {"mutex", [](places& p) { p.held.lock(); }},
            {"condition_variable",
             [](places& p) {
                 std::unique_lock lock(p.free);
                 p.changed.wait(lock);
             }},
            {"condition_variable, with a limit",
             [](places& p) {
                 std::unique_lock lock(p.free);
                 (void)p.changed.wait_for(lock, 2h, [] { return false; });
             }},
            {"notify", [](places& p) { p.signal.wait(); }},
            {"notify, with a limit", [](places& p) { (void)p.signal.wait_for(2h); }},
            {"sleep", [](places&) { ramie::this_fiber::sleep_for(2h); }},
            {"join", [](places& p) { p.child.get(); }},
            {"join, with a limit", [](places& p) { (void)p.child.wait_for(2h); }},
        };
    }
};

}  // namespace ramie::testing
