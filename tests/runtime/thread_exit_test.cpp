// pthread_exit in tasks and blocking jobs of a real runtime: workers and pool threads go on.
#include <ramie/block_in_place.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/spawn_local.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/thread.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <pthread.h>

using namespace std::chrono_literals;

// ASan is to know that it does not return: otherwise the frames that it leaves stay poisoned.
[[noreturn]] static void exit_by(void (*function)(void*)) {
    function(nullptr);
    std::abort();
}

TEST_CASE("thread exit: workers go on after any number of tasks that end so, here and there") {
    for (unsigned const workers : {1u, 4u}) {
        CAPTURE(workers);
        std::atomic<int> destroyed{0};
        struct counts {
            std::atomic<int>& n;
            ~counts() {
                ramie::this_fiber::yield();  // may go on on another worker
                ++n;
            }
        };
        ramie::run({.workers = workers}, [&] {
            std::vector<ramie::join_handle<int>> tasks;
            for (int i = 0; i < 2000; ++i)
                tasks.push_back(ramie::spawn([&, i]() -> int {
                    counts const last{destroyed};
                    if (i % 3 == 0) ramie::this_fiber::yield();
                    if (i % 2 == 0) ::pthread_exit(nullptr);
                    return i;
                }));
            for (int i = 0; i < 2000; ++i) {
                auto const result = tasks[static_cast<std::size_t>(i)].join();
                CHECK(result.has_value() == (i % 2 != 0));
                if (!result) CHECK(result.error().is_cancelled());
            }
        });
        CHECK(destroyed == 2000);
    }
}

TEST_CASE("thread exit: a blocking job ends so, and its thread takes the next one") {
    ramie::run({.workers = 1, .max_blocking_threads = 1}, [] {
        std::set<std::thread::id> threads;
        for (int i = 0; i < 20; ++i) {
            bool destroyed = false;
            struct notes {
                bool& it;
                ~notes() { it = true; }
            };
            auto job = ramie::spawn_blocking([&] {
                threads.insert(std::this_thread::get_id());
                notes const last{destroyed};
                ::pthread_exit(nullptr);
            });
            CHECK(job.join().error().is_cancelled());
            CHECK(destroyed);
            CHECK(ramie::spawn_blocking([] { return 5; }).get() == 5);
        }
        CHECK(threads.size() == 1);
    });
}

TEST_CASE("thread exit: in code that keeps its thread, in a local task, in a ramie::thread, in the root") {
    bool single = false;
    auto root = [&] {
        if (!single) {
            auto in_place = ramie::spawn([] { ramie::block_in_place([] { ::pthread_exit(nullptr); }); });
            CHECK(in_place.join().error().is_cancelled());
        }
        auto pinned = ramie::spawn({.pinned = true}, [] {
            auto local = ramie::spawn_local([] { ::pthread_exit(nullptr); });
            CHECK(local.join().error().is_cancelled());
        });
        pinned.get();
        bool reached = false;
        ramie::thread thread([&] {
            reached = true;
            ::pthread_exit(nullptr);
        });
        thread.join();
        CHECK(reached);
        ::pthread_exit(nullptr);
    };
    for (bool const current_thread : {false, true}) {
        CAPTURE(current_thread);
        single = current_thread;
        ramie::runtime rt({.current_thread = current_thread});
        bool cancelled = false;
        try {
            rt.block_on(root);
        } catch (ramie::join_error const& e) { cancelled = e.is_cancelled(); }
        CHECK(cancelled);
        CHECK(rt.block_on([] { return 7; }) == 7);
    }
}

TEST_CASE("thread exit: libc's own, which a library may be bound to, ends the task just the same") {
    auto* const libcs = reinterpret_cast<void (*)(void*)>(::dlsym(RTLD_NEXT, "pthread_exit"));
    ramie::run({.workers = 2, .max_blocking_threads = 1}, [&] {
        for (int i = 0; i < 50; ++i) {
            CHECK(ramie::spawn([&] { exit_by(libcs); }).join().error().is_cancelled());
            CHECK(ramie::spawn_blocking([&] { exit_by(libcs); }).join().error().is_cancelled());
        }
        CHECK(ramie::spawn_blocking([] { return 5; }).get() == 5);
    });
}
