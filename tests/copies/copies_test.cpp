// A program and plugins that each contain this library, or share it.
#include "child_process.hpp"
#include "loaded.hpp"

#include <ramie/block_in_place.hpp>
#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/other_copies.hpp>
#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>

#include <doctest/doctest.h>

#include <mutex>
#include <string>
#include <thread>

using ramie::testing::in_child;

namespace {

#if RAMIE_TSAN
// TSan ends the process when a library that is named in a suppression is unloaded. So libuv stays.
[[maybe_unused]] void* const libuv = ::dlopen("libuv.so.1", RTLD_NOW);
#endif

constexpr auto two_copies = {PLUGIN, SHARING_PLUGIN};

}  // namespace

TEST_CASE("copies: each knows of those that are loaded") {
    unsigned known = 0;
    CHECK(ramie::detail::other_copies == 0);
    for (auto const* file : two_copies) {
        CAPTURE(file);
        loaded const plugin(file);
        ++known;  // dlclose() may leave one with thread-locals where it is
        CHECK(ramie::detail::other_copies <= known);
        CHECK(ramie::detail::other_copies >= 1);
        CHECK(plugin->others() == ramie::detail::other_copies);
    }
}

TEST_CASE("copies: plain threads, pool threads, lent workers and each copy's own tasks use what they like") {
    for (auto const* file : two_copies) {
        CAPTURE(file);
        loaded const plugin(file);
        auto const use = [&] {
            plugin->lock();
            plugin->unlock();
            plugin->sleep();
            plugin->yield();
        };
        use();
        plugin.run(use);
        ramie::run({.workers = 2}, [&] {
            ramie::spawn_blocking(use).get();
            ramie::block_in_place(use);
            std::thread(use).join();
        });
    }
}

TEST_CASE("copies: a task that waits in the other copy ends the process, which says who and where (forks)") {
    for (auto const* file : two_copies) {
        loaded const plugin(file);
        for (auto* const call : {plugin->lock, plugin->sleep, plugin->yield}) {
            auto const end = in_child([&] {
                ramie::run({.workers = 2}, [&] { ramie::spawn({.name = "guest"}, [&] { call(); }).get(); });
            });
            CHECK(end.killed_by(SIGABRT));
            CHECK_MESSAGE(end.said("\"guest\" is of the copy of Ramie in "), end.output);
            CHECK_MESSAGE(end.said("copies-tests, and uses one in "), end.output);
            CHECK(end.said("link both with the shared library"));
        }
        auto const end = in_child([&] {
            ramie::run({.workers = 2}, [&] { ramie::spawn([&] { (void)plugin->try_lock(); }).get(); });
        });
        CHECK(end.killed_by(SIGABRT));
    }
}

TEST_CASE("copies: and the other way round (forks)") {
    for (auto const* file : two_copies) {
        loaded const plugin(file);
        auto const end = in_child([&] {
            ramie::mutex m;
            plugin.run([&] { std::lock_guard const lock(m); });
        });
        CHECK(end.killed_by(SIGABRT));
        CHECK_MESSAGE(end.said("is of the copy of Ramie in "), end.output);
    }
}

TEST_CASE("copies: who looks for a runtime in the wrong one is told so") {
    for (auto const* file : two_copies) {
        loaded const plugin(file);
        std::string const without = plugin->spawn();
        CHECK(without.find("belongs to no runtime") != std::string::npos);
        auto const said = ramie::run({.workers = 1}, [&] { return std::string(plugin->spawn()); });
        CHECK_MESSAGE(said.find("of another copy of Ramie, in ") != std::string::npos, said);
        plugin.run([&] { CHECK(std::string(plugin->spawn()).empty()); });
    }
}

TEST_CASE("copies: two plugins that share the library are of one") {
    loaded const one(SHARING_PLUGIN);
    loaded const other(OTHER_SHARING_PLUGIN);
    CHECK(one->others() == other->others());
    one.run([&] {
        other->lock();
        one->yield();
        other->unlock();
        other->sleep();
        CHECK(std::string(other->spawn()).empty());
    });
}
