// The end of a runtime: whatever its tasks are doing, their destructors run, nothing leaks, and what will not end is
// named.
#include "chance.hpp"
#include "child_process.hpp"
#include "scheduler.hpp"
#include "settings/options.hpp"
#include "tracked.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace ramie::testing;
using namespace ramie::detail;

namespace {
constexpr unsigned worker_counts[] = {1, 2, 4};

struct on_exit_of_scope {
    std::function<void()> f;
    ~on_exit_of_scope() { f(); }
};
}  // namespace

TEST_CASE("shutdown: tasks parked in every way are unwound") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::mutex lock;
        ramie::condition_variable changed;
        ramie::notify signal;
        std::atomic<int> waiting{0};
        lock.lock();
        {
            ramie::runtime rt({.workers = workers});
            auto const park = [&](auto wait) {
                rt.spawn([&waiting, wait, held = tracked()] {
                      tracked const local;
                      ++waiting;
                      wait();
                  }).detach();
            };
            for (int i = 0; i < 20; ++i) {
                park([&] { lock.lock(); });
                park([&] {
                    ramie::mutex own;
                    std::unique_lock held(own);
                    changed.wait(held);
                });
                park([&] { signal.wait(); });
                park([] { ramie::this_fiber::sleep_for(1h); });
                park([] { (void)ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }).join(); });
                park([&] { (void)ramie::timeout(1h, [&] { signal.wait(); }); });
            }
            while (waiting.load() < 120) std::this_thread::yield();
            std::this_thread::sleep_for(1ms);
            CHECK(tracked::alive() == 240);
        }
        CHECK(tracked::alive() == 0);
        lock.unlock();
    }
}

TEST_CASE("shutdown: running tasks stop at their next abort point, or by their stop_token") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        std::atomic<int> running{0};
        {
            ramie::runtime rt({.workers = workers});
            for (unsigned i = 0; i < workers; ++i) {
                rt.spawn([&, held = tracked()] {
                      tracked const local;
                      ++running;
                      for (;;) ramie::this_fiber::yield();
                  }).detach();
            }
            rt.spawn([&, held = tracked()](std::stop_token stop) {
                  ++running;
                  while (!stop.stop_requested()) {
                      if (running.load() <= static_cast<int>(workers)) ramie::this_fiber::yield();
                  }
              }).detach();
            while (running.load() <= static_cast<int>(workers)) std::this_thread::yield();
        }
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("shutdown: unstarted tasks never run, and their callables are destroyed") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        std::atomic<unsigned> blocked{0};
        std::atomic<bool> closing{false};
        std::atomic<int> ran_late{0};
        {
            ramie::runtime rt({.workers = workers, .stall_threshold = 1h});  // no spare comes to run them
            for (unsigned i = 0; i < workers; ++i) {
                rt.spawn([&](std::stop_token stop) {
                      std::vector<ramie::join_handle<void>> children;
                      for (int c = 0; c < 50; ++c) children.push_back(ramie::spawn([&, held = tracked()] { ran_late += closing; }));
                      ++blocked;
                      while (!stop.stop_requested()) ramie::detail::cpu_pause();
                      children.clear();
                      for (int spins = 0; spins < 1000; ++spins) ramie::detail::cpu_pause();
                  }).detach();
            }
            while (blocked.load() < workers) std::this_thread::yield();
            for (int i = 0; i < 100; ++i) rt.spawn([&, held = tracked()] { ran_late += closing; }).detach();
            for (int i = 0; i < 10; ++i) rt.spawn({.pinned = true}, [&, held = tracked()] { ran_late += closing; }).detach();
            CHECK(tracked::alive() >= 110);
            closing = true;
        }
        CHECK(tracked::alive() == 0);
        CHECK(ran_late.load() <= 110 + 50 * static_cast<int>(workers));
    }
}

TEST_CASE("shutdown: queued blocking jobs are cancelled, running ones see their stop_token and are waited for") {
    for (unsigned workers : worker_counts) {
        std::atomic<bool> running{false}, ended{false}, queued_ran{false};
        {
            ramie::runtime rt({.workers = workers, .max_blocking_threads = 1});
            rt.block_on([&] {
                ramie::spawn_blocking([&, held = tracked()](std::stop_token stop) {
                    running = true;
                    while (!stop.stop_requested()) std::this_thread::yield();
                    std::this_thread::sleep_for(1ms);
                    ended = true;
                }).detach();
                for (int i = 0; i < 20; ++i) ramie::spawn_blocking([&, held = tracked()] { queued_ran = true; }).detach();
                while (!running) ramie::this_fiber::yield();
            });
        }
        CHECK(ended.load());
        CHECK_FALSE(queued_ran.load());
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("shutdown: an unstarted task's callable may wait for a task in its destructor, whatever the workers do") {
    for (bool const current_thread : {true, false}) {
        CAPTURE(current_thread);
        std::atomic<bool> stopping{false};
        {
            ramie::runtime rt({.workers = 1, .stall_threshold = 1h, .current_thread = current_thread});
            std::optional<ramie::scoped_task<void>> parked;
            rt.block_on([&] {
                parked.emplace(ramie::spawn([held = tracked()] { ramie::this_fiber::sleep_for(1h); }));
                ramie::this_fiber::yield();
            });
            if (!current_thread) {  // the worker is busy until it is told to stop
                std::atomic<bool> busy{false};
                rt.spawn([&](std::stop_token stop) {
                      busy = true;
                      while (!stop.stop_requested()) ramie::detail::cpu_pause();
                      stopping = true;
                  }).detach();
                while (!busy) std::this_thread::yield();
            }
            rt.spawn([task = std::move(*parked), held = tracked()] {}).detach();
        }
        CHECK(stopping.load() == !current_thread);
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("shutdown: a std::stop_callback that does not return is a survivor, and keeps no task from ending") {
    for (bool const current_thread : {true, false}) {
        CAPTURE(current_thread);
        std::atomic<bool> release{false}, called{false};
        ramie::runtime rt({.workers = 1, .current_thread = current_thread});
        auto const token = rt.block_on([] {
            std::stop_token mine;
            ramie::spawn([&mine, held = tracked()](std::stop_token stop) {
                mine = stop;
                ramie::this_fiber::sleep_for(1h);
            }).detach();
            ramie::spawn([held = tracked()] { ramie::this_fiber::sleep_for(1h); }).detach();
            while (!mine.stop_possible()) ramie::this_fiber::yield();
            return mine;
        });
        std::stop_callback const slow(token, [&] {
            called = true;
            while (!release) std::this_thread::yield();
        });
        auto left = rt.shutdown(1ms);
        while (left.size() > 1 || !called) left = rt.shutdown(1ms);
        REQUIRE(left.size() == 1);
        CHECK(left.front().find("a std::stop_callback of task ") == 0);
        CHECK(tracked::alive() == 0);
        release = true;
        CHECK(rt.shutdown(1h).empty());
    }
}

TEST_CASE("shutdown: calls whose limit is over before all are asked to stop get on all the same") {
    ramie::runtime rt({.current_thread = true});
    rt.block_on([] {
        std::vector<ramie::join_handle<void>> parked;
        for (int i = 0; i < 20'000; ++i) parked.push_back(ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }));
        ramie::this_fiber::sleep_for(1ms);
    });
    int calls = 1;
    while (!rt.shutdown(-1s).empty() && calls < 30'000) ++calls;
    CHECK(calls < 30'000);  // at least one task ends with each
}

TEST_CASE("shutdown: each task is looked at once, however many end one by one") {
    for (bool const current_thread : {true, false}) {
        CAPTURE(current_thread);
        constexpr int tasks = 3000;
        scheduler s(settle({.workers = 1, .current_thread = current_thread}));
        auto const spawn = [&](auto f) { spawn_request<>(s, std::source_location::current()).call(std::move(f)).detach(); };
        // On their way out they go one by one, each woken by the one before.
        ramie::semaphore turns(1);
        std::atomic<int> parked{0}, ended{0};
        for (int i = 0; i < tasks; ++i)
            spawn([&] {
                on_exit_of_scope const last{[&] {
                    ramie::abort_shield const whole;
                    auto const turn = turns.acquire();
                    ramie::this_fiber::yield();
                    ++ended;
                }};
                ++parked;
                ramie::this_fiber::sleep_for(1h);
            });
        if (current_thread) {
            s.claim_here();
            s.run_here([&] { return parked == tasks; });
            s.release_here();
        }
        while (parked < tasks) std::this_thread::yield();
        auto const chunks = [&] {
            auto const before = s.live.walks();
            s.live.for_each([](task&) {});
            return s.live.walks() - before;
        }();
        auto const before = s.live.walks();
        CHECK(s.shut_down(never).empty());
        CHECK(ended.load() == tasks);
        CHECK(s.live.walks() - before == chunks);
    }
}

TEST_CASE("shutdown: destructors of unwinding tasks may wait, for each other too") {
    for (unsigned workers : worker_counts) {
        std::atomic<int> done{0};
        {
            ramie::runtime rt({.workers = workers});
            rt.block_on([&] {
                auto helper = std::make_shared<ramie::join_handle<void>>(ramie::spawn([&] {
                    on_exit_of_scope const last{[&] {
                        ramie::abort_shield const whole;
                        ramie::this_fiber::sleep_for(1ms);
                        ++done;
                    }};
                    ramie::this_fiber::sleep_for(1h);
                }));
                ramie::spawn([&, helper] {
                    on_exit_of_scope const last{[&] {
                        ramie::abort_shield const whole;
                        (void)helper->join();
                        done += done == 1 ? 1 : 100;
                    }};
                    ramie::this_fiber::sleep_for(1h);
                }).detach();
                ramie::this_fiber::sleep_for(1ms);
            });
        }
        CHECK(done.load() == 2);
    }
}

TEST_CASE("shutdown: a spawn from inside is born cancelled, a spawn from outside throws") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        std::atomic<bool> unwinding{false}, tried{false}, ran{false};
        std::atomic<int> cancelled{0};
        {
            ramie::runtime rt({.workers = workers});
            auto const handle = rt.handle();
            rt.block_on([&] {
                ramie::spawn([&] {
                    on_exit_of_scope const last{[&] {
                        ramie::abort_shield const whole;
                        auto plain = ramie::spawn([&, held = tracked()] { ran = true; });
                        auto pinned = ramie::spawn({.pinned = true}, [&, held = tracked()] { ran = true; });
                        auto job = ramie::spawn_blocking([&, held = tracked()] { ran = true; });
                        for (auto* child : {&plain, &pinned, &job}) {
                            auto const end = child->join();
                            if (!end.has_value() && end.error().is_cancelled()) ++cancelled;
                        }
                        unwinding = true;
                        while (!tried) ramie::this_fiber::sleep_for(100us);
                    }};
                    ramie::this_fiber::sleep_for(1h);
                }).detach();
                ramie::this_fiber::yield();
            });
            std::jthread outside([&] {
                while (!unwinding) std::this_thread::yield();
                CHECK_THROWS_AS((void)handle.spawn([held = tracked()] {}), ramie::no_runtime);
                CHECK_THROWS_AS((void)rt.spawn([] {}), ramie::no_runtime);
                tried = true;
            });
            CHECK(rt.shutdown(1h).empty());
        }
        CHECK(cancelled.load() == 3);
        CHECK_FALSE(ran.load());
        CHECK(tracked::alive() == 0);
    }
}

TEST_CASE("shutdown: returns who refuses to stop, and succeeds once they have") {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        std::atomic<bool> release{false}, ready{false};
        ramie::runtime rt({.workers = workers});
        auto stubborn = rt.spawn({.name = "stubborn"}, [&] {
            ramie::abort_shield const whole;
            ready = true;
            while (!release) ramie::this_fiber::sleep_for(1ms);
        });
        auto docile = rt.spawn({.name = "docile"}, [] { ramie::this_fiber::sleep_for(1h); });
        while (!ready) std::this_thread::yield();
        auto left = rt.shutdown(20ms);
        while (left.size() > 1) left = rt.shutdown(20ms);  // the docile one needs a worker that runs
        REQUIRE(left.size() == 1);
        CHECK(left.front().find("\"stubborn\"") != std::string::npos);
        CHECK_FALSE(docile.join().has_value());  // at once: it is off the list an instant before its handle knows
        CHECK_THROWS_AS((void)rt.spawn([] {}), ramie::no_runtime);
        left = rt.shutdown(0ms);
        CHECK(left.size() == 1);
        release = true;
        CHECK(rt.shutdown(1h).empty());
        CHECK(rt.shutdown(0ms).empty());
        CHECK(stubborn.join().has_value());
    }
}

TEST_CASE("shutdown: a task that swallows its abort gets it again at each wait, and ends") {
    std::atomic<int> swallowed{0};
    {
        ramie::runtime rt({.workers = 2});
        rt.spawn([&] {
              while (swallowed < 5) {
                  try {
                      ramie::this_fiber::sleep_for(1h);
                  } catch (...) {
                      ++swallowed;
                  }
              }
          }).detach();
        std::this_thread::sleep_for(1ms);
    }
    CHECK((swallowed.load() == 5 || swallowed.load() == 0));  // 0: it was aborted before it started
}

TEST_CASE("shutdown: a task that swallows its abort for ever does not keep the end from coming, and is named") {
#if defined(RAMIE_TSAN)
    return;  // TSan lets no forked child start threads once there were fibers
#endif
    for (bool const current_thread : {false, true}) {
        auto const end = in_child([&] {
            ::alarm(20);
            ramie::runtime rt({.workers = 1, .shutdown_timeout = 50ms, .current_thread = current_thread});
            rt.block_on([] {
                ramie::spawn({.name = "deaf"}, [] {
                    for (;;) {
                        try {
                            ramie::this_fiber::sleep_for(1h);
                        } catch (...) {}
                    }
                }).detach();
                ramie::this_fiber::yield();
            });
        });
        CHECK(end.killed_by(SIGABRT));
        CHECK_MESSAGE(end.said("\"deaf\", goes on though a wait was refused "), end.output);
    }
}

TEST_CASE("shutdown: the destructor prints who is left, and ends the process") {
#if defined(RAMIE_TSAN)
    return;  // TSan lets no forked child start threads once there were fibers
#endif
    for (bool current_thread : {false, true}) {
        auto const end = in_child([&] {
            ramie::runtime rt({.shutdown_timeout = 30ms, .current_thread = current_thread});
            std::atomic<int> started{0};  // those that have not are cancelled
            rt.block_on([&] {
                ramie::spawn({.name = "refuses to stop"}, [&] {
                    ramie::abort_shield const whole;
                    ++started;
                    for (;;) ramie::this_fiber::sleep_for(1s);
                }).detach();
                ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }).detach();
                ramie::spawn_blocking([&] {
                    ++started;
                    for (;;) std::this_thread::sleep_for(1s);
                }).detach();
                while (started.load() < 2) ramie::this_fiber::sleep_for(1ms);
            });
        });
        CHECK(end.killed_by(SIGABRT));
        CHECK_MESSAGE(end.said("2 of its tasks did not end within shutdown_timeout (30 ms)"), end.output);
        CHECK_MESSAGE(end.said("\"refuses to stop\", waits for sleep\n"), end.output);
        CHECK_MESSAGE(end.said("a fiber cannot be destroyed by force"), end.output);
    }
}

TEST_CASE("shutdown: meets spawns, wakes and aborts from foreign threads") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        for (std::size_t round = rounds(150); round > 0; --round) {
            ramie::notify signal;
            std::atomic<bool> go{false};
            std::vector<std::jthread> others;
            {
                std::optional<ramie::runtime> rt(std::in_place, ramie::runtime_options{.workers = workers});
                for (unsigned t = 0; t < 3; ++t) {
                    others.emplace_back([&signal, &go, t, handle = rt->handle()] {
                        while (!go) std::this_thread::yield();
                        try {
                            for (;;) {
                                auto task = handle.spawn([&signal, held = tracked()] { signal.wait(); });
                                signal.notify_one();
                                if (t == 1) task.abort();
                                if (t == 2) (void)task.join();
                            }
                        } catch (ramie::no_runtime const&) {
                        }
                    });
                }
                chance dice(round);
                go = true;
                auto const most_pauses = std::min<std::size_t>(rounds(20'000), 20'000);  // others spawn meanwhile
                for (auto pauses = dice.below(most_pauses); pauses > 0; --pauses) ramie::detail::cpu_pause();
                rt.reset();
            }
            others.clear();
            REQUIRE(tracked::alive() == 0);
        }
    }
}
