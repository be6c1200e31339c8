// Destructors of thread_local objects that use Ramie: when a worker, a pool's thread or a plain thread ends.
#include "child_process.hpp"

#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

// Calls what it was given when its thread ends.
class at_thread_end {
  public:
    ~at_thread_end() {
        if (last_) last_();
    }
    // Of the calling thread.
    static void call(std::function<void()> f) { of_this_thread().last_ = std::move(f); }

  private:
    [[gnu::noinline]] static at_thread_end& of_this_thread() {
        thread_local at_thread_end one;
        return one;
    }
    std::function<void()> last_;
};

// What a plain thread may do; what a spawn says there.
std::string uses_ramie(ramie::mutex& lock) {
    {
        std::lock_guard const held(lock);
        ramie::this_fiber::sleep_for(1ms);
        ramie::this_fiber::yield();
    }
    ramie::semaphore permits(1);
    CHECK(permits.acquire().has_value());
    CHECK(ramie::run({.workers = 2}, [] { return ramie::spawn([] { return 7; }).get(); }) == 7);
    try {
        ramie::spawn([] {}).detach();
        return "spawned";
    } catch (ramie::no_runtime const& e) { return e.what(); }
}

}  // namespace

TEST_CASE("thread locals: a plain thread's last destructors use a runtime that lives") {
    ramie::runtime rt({.workers = 2});
    ramie::mutex lock;
    int answer = 0;
    std::string said;
    std::thread([&] {
        at_thread_end::call([&] {
            answer = rt.block_on([] { return 1; }) + rt.spawn([] { return 2; }).get();
            said = uses_ramie(lock);
        });
        (void)lock.try_lock();  // this thread has been one of Ramie's waiters before
        lock.unlock();
    }).join();
    CHECK(answer == 3);
    CHECK_MESSAGE(said.find("no runtime") != std::string::npos, said);
}

TEST_CASE("thread locals: a worker's are destroyed when its runtime has ended its tasks, and are a plain thread's then") {
    for (unsigned const workers : {1u, 3u}) {
        CAPTURE(workers);
        ramie::mutex lock;
        std::atomic<int> ended{0};
        std::string said;
        std::mutex of_said;
        {
            ramie::runtime rt({.workers = workers});
            rt.block_on([&] {
                at_thread_end::call([&] {
                    auto const text = uses_ramie(lock);
                    std::lock_guard const held(of_said);
                    said = text;
                    ++ended;
                });
                ramie::spawn_blocking([&] { at_thread_end::call([&] { ++ended, (void)uses_ramie(lock); }); }).get();
            });
            CHECK(ended == 0);
        }
        CHECK(ended == 2);
        CHECK_MESSAGE(said.find("no runtime") != std::string::npos, said);
    }
}

TEST_CASE("thread locals: main's use a static runtime that is still there (forks)") {
    auto const end = in_child([] {
        static ramie::runtime rt({.workers = 2});
        at_thread_end::call([] { std::printf("%d\n", rt.block_on([] { return ramie::spawn([] { return 5; }).get(); })); });
        std::exit(0);
    });
    CHECK(end.exited_with(0));
    CHECK_MESSAGE(end.output == "5\n", end.output);
}
