#include "plugin.hpp"

#include <ramie/detail/machine/other_copies.hpp>
#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <chrono>
#include <string>

namespace {

ramie::mutex& own() {
    static ramie::mutex m;
    return m;
}

char const* spawn_here() {
    static std::string said;
    said.clear();
    try {
        ramie::spawn([] {}).get();
    } catch (std::exception const& e) { said = e.what(); }
    return said.c_str();
}

}  // namespace

extern "C" [[gnu::visibility("default")]] plugin_calls const ramie_test_plugin{
    [] { own().lock(); },
    [] { own().unlock(); },
    [] { return own().try_lock(); },
    [] { ramie::this_fiber::sleep_for(std::chrono::milliseconds(1)); },
    [] { ramie::this_fiber::yield(); },
    spawn_here,
    [](void (*f)(void*), void* argument) { ramie::run({.workers = 1}, [=] { f(argument); }); },
    [] { return ramie::detail::other_copies.load(); },
};
