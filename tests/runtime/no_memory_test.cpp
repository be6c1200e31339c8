// Allocations fail, one after another, wherever they are: whoever asked for what needed one is told, nothing else is
// noticed, and the runtime goes on.
#include "chance.hpp"
#include "failing_new.hpp"
#include "tracked.hpp"

#include <ramie/async.hpp>
#include <ramie/block_in_place.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/fiber_local.hpp>
#include <ramie/join.hpp>
#include <ramie/join_set.hpp>
#include <ramie/jthread.hpp>
#include <ramie/mutex.hpp>
#include <ramie/own_thread_state.hpp>
#include <ramie/promise.hpp>
#include <ramie/race.hpp>
#include <ramie/runtime.hpp>
#include <ramie/scope.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/task_tracker.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <new>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

std::atomic<int> unseen{0};

// Hundreds of failures that there is no memory to report are said on stderr.
class quiet_stderr {
  public:
    quiet_stderr() : kept_(::dup(2)) {
        int const nowhere = ::open("/dev/null", O_WRONLY);
        ::dup2(nowhere, 2);
        ::close(nowhere);
    }
    ~quiet_stderr() {
        ::dup2(kept_, 2);
        ::close(kept_);
    }

  private:
    int kept_;
};

ramie::fiber_local<int> inherited(ramie::inherit::copy, [] { return 1; });

// Calls what may run out of memory; its caller is told by one of these.
void allowed_to_fail(std::function<void()> const& f) {
    try {
        f();
    } catch (std::bad_alloc const&) {
    } catch (std::system_error const&) {  // no thread
    }
}

// More than tables and pools have room for at first.
void a_crowd() {
    ramie::scope children;
    for (int i = 0; i < 600; ++i) children.spawn([t = tracked()] { ramie::this_fiber::sleep_for(1ms); }).detach();
}

void std_shapes() {
    auto future = ramie::async([t = tracked()] { return tracked(1); });
    (void)future.get();
    auto broken = [] { return ramie::promise<int>().get_future(); }();
    try {
        (void)broken.get();
    } catch (std::future_error const&) {
    }
    ramie::jthread stopped([t = tracked()](std::stop_token stop) {
        ramie::mutex m;
        ramie::condition_variable never;
        std::unique_lock held(m);
        (void)never.wait(held, stop, [] { return false; });
    });
}

void a_token() {
    ramie::cancellation_token const root;
    auto const child = root.child_token();
    auto waits = ramie::spawn([child, t = tracked()] { child.wait(); });
    (void)child.run_until_cancelled([&] { ramie::this_fiber::sleep_for(1us); });
    root.cancel();
    (void)waits.join();
}

void a_choice() {
    auto [tx, rx] = ramie::unbounded_channel<tracked>();
    (void)tx.send(tracked(1));
    for (int i = 0; i < 2; ++i)
        ramie::select(ramie::on_receive(rx, [](auto&&) {}), ramie::on_sleep(1us, [] {}));
}

// What a program does with tasks, each step by itself.
std::vector<std::function<void()>> const steps = {
    [] { (void)ramie::spawn([t = tracked(1)] { return t.value; }).join(); },
    [] { ramie::spawn({.name = "named", .stack_size = 1 << 20}, [t = tracked()] {}).get(); },
    [] {
        if (!ramie::missing_for_own_thread_state().empty()) return;
        ramie::join_set<int> set;
        for (int i = 0; i < 3; ++i)
            set.spawn({.own_thread_state = true}, [t = tracked(i)] {
                ramie::this_fiber::yield();
                return t.value;
            });
        while (set.join_next()) {}
    },
    [] { ramie::spawn([] { throw std::runtime_error("unseen"); }).detach(); },
    [] {
        auto failing = ramie::spawn([]() -> tracked { throw std::runtime_error("seen"); });
        while (!failing.is_finished()) ramie::this_fiber::yield();
        failing.detach();
    },
    [] { (void)ramie::spawn([] { throw std::runtime_error("joined"); }).join(); },
    [] {
        auto aborted = ramie::spawn([t = tracked()](std::stop_token) { ramie::this_fiber::sleep_for(1h); });
        ramie::this_fiber::yield();
        (void)aborted.abort_and_join();
    },
    [] { ramie::this_fiber::sleep_for(1us); },
    [] { (void)ramie::timeout(1us, [] { ramie::this_fiber::sleep_for(1h); }); },
    [] {
        ramie::scope children;
        for (int i = 0; i < 3; ++i) children.spawn([t = tracked()] { ramie::this_fiber::sleep_for(1us); }).detach();
    },
    [] {
        ramie::join_set<tracked> set;
        for (int i = 0; i < 3; ++i) set.spawn([i] { return tracked(i); });
        set.spawn_blocking([] { return tracked(); });
        while (set.join_next()) {}
    },
    [] {
        ramie::task_tracker tracker;
        tracker.spawn([t = tracked()] {}).detach();
        tracker.close();
        tracker.wait();
    },
    [] { (void)ramie::join([] { return tracked(1); }, [] { return tracked(2); }); },
    [] { (void)ramie::race([] { return 1; }, [] { return 2; }); },
    [] { (void)ramie::spawn_blocking([t = tracked()](std::stop_token) { return tracked(); }).join(); },
    [] {
        inherited.set(2);
        (void)ramie::spawn([] { return inherited.get(); }).join();
    },
    [] {
        auto [tx, rx] = ramie::channel<tracked>(2);
        auto sender = ramie::spawn([tx = std::move(tx)]() mutable {
            for (int i = 0; i < 4; ++i) (void)tx.send(tracked(i));
        });
        while (rx.receive()) {}
        sender.get();
    },
    &a_crowd,
    &std_shapes,
    &a_token,
    &a_choice,
    [] {
        try {
            ramie::block_in_place([t = tracked()] {});
        } catch (std::logic_error const&) {  // current_thread
        }
    },
};

void everything() {
    for (auto const& step : steps) allowed_to_fail(step);
}

}  // namespace

TEST_CASE("no memory: whichever allocation of a runtime's tasks fails, one or all from there on, the caller is told") {
    quiet_stderr const quiet;
    for (bool const current_thread : {true, false}) {
        for (auto const how : {failing_new::how::once, failing_new::how::from_then_on}) {
            CAPTURE(current_thread);
            CAPTURE(static_cast<int>(how));
            bool failed = true;
            for (std::size_t n = 1; failed; n += 1 + n / 50) {
                CAPTURE(n);
                {
                    ramie::runtime rt({.workers = current_thread ? 1u : 2u,
                                       .on_task_failure = [](ramie::join_error const&) { ++unseen; },
                                       .current_thread = current_thread});
                    rt.block_on([&] {
                        failing_new failing(n, how);
                        everything();
                        failed = failing.stop();
                    });
                    CHECK(rt.block_on([] { return ramie::spawn([] { return 3; }).get(); }) == 3);
                }
                REQUIRE(tracked::alive() == 0);
            }
        }
    }
}

TEST_CASE("no memory: whichever allocation fails while a runtime is made or ends, its maker is told, or nothing is noticed") {
    quiet_stderr const quiet;
    for (bool const current_thread : {true, false}) {
        for (auto const how : {failing_new::how::once, failing_new::how::from_then_on}) {
            CAPTURE(current_thread);
            CAPTURE(static_cast<int>(how));
            bool failed = true;
            for (std::size_t n = 1; failed; ++n) {
                CAPTURE(n);
                failing_new failing(n, how);
                allowed_to_fail([&] {
                    ramie::runtime rt({.workers = current_thread ? 1u : 2u, .current_thread = current_thread});
                    rt.block_on([] {
                        ramie::spawn([t = tracked()](std::stop_token) { ramie::this_fiber::sleep_for(1h); }).detach();
                        ramie::spawn([t = tracked()] {}).detach();
                        ramie::this_fiber::yield();
                    });
                });
                failed = failing.stop();
                REQUIRE(tracked::alive() == 0);
            }
        }
    }
}
