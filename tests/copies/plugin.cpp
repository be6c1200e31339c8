#include "plugin.hpp"

#include <ramie/detail/machine/other_copies.hpp>
#include <ramie/dump.hpp>
#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>

#include <unistd.h>

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

void use_everything() {
    ramie::run({.workers = 2}, [] {
        int sum = 0;
        for (int i = 0; i < 100; ++i) sum += ramie::spawn([i] { return i; }).get();
        sum += ramie::spawn_blocking([] { return 1; }).get();
        ramie::mutex lock;
        std::thread([&] { std::lock_guard const held(lock); }).join();
        auto runs = ramie::spawn([] {
            for (;;) ramie::this_fiber::yield();
        });
        std::ostringstream text;
        ramie::dump(text);  // interrupts what runs by a signal
        runs.abort();
        if (sum != 4951 || text.str().empty()) std::abort();
    });
}

void keep_runtime(int fd) {
    static ramie::runtime kept({.workers = 2});
    struct says {
        int to;
        ~says() { (void)!::write(to, "aborted ", 8); }
    };
    kept.spawn([fd] {
        says const at_end{fd};
        ramie::this_fiber::sleep_for(std::chrono::hours(1));
    }).detach();
    kept.block_on([] { ramie::this_fiber::yield(); });
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
    use_everything,
    keep_runtime,
    [] { return ramie::detail::other_copies.load(); },
};
