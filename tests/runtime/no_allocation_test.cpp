// Where no exception can go (the end of a task, a wake, a destructor) nothing is allocated that must be there: no caller could be
// told. (A worker that gets its first block of a size asks for a shelf, and does without if there is none.)
// (The end of a runtime may allocate: no_memory_test.cpp shows that it does without.)
#include "failing_new.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/condition_variable.hpp>
#include <ramie/join_set.hpp>
#include <ramie/latch.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/promise.hpp>
#include <ramie/runtime.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/task_tracker.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

constexpr int many = 8;

// Tasks that have all begun to wait, and may be woken.
class waiting {
  public:
    template <class F>
    explicit waiting(F f) {
        handles_.reserve(many);
        for (int i = 0; i < many; ++i)
            handles_.push_back(ramie::spawn([f, this]() mutable {
                ++begun_;
                f();
                ++ended_;
            }));
        while (begun_ < many) ramie::this_fiber::yield();
        ramie::this_fiber::sleep_for(500us);  // so that they wait; if one does not yet, less is tested
    }
    void see_them_end() {
        while (ended_ < many) ramie::this_fiber::yield();
        for (auto& h : handles_)
            while (!h.is_finished()) ramie::this_fiber::yield();
    }
    std::vector<ramie::join_handle<void>>& handles() { return handles_; }

  private:
    std::vector<ramie::join_handle<void>> handles_;
    std::atomic<int> begun_{0}, ended_{0};
};

template <class F>
long allocated_by(F&& f) {
    auto const before = allocations();
    f();
    return allocations() - before;
}

struct scene {
    char const* name;
    // Sets it, and returns what one does by `count(f)`.
    void (*play)(std::function<void(std::function<void()> const&)> const& count);
};

std::vector<scene> const scenes = {
    {"notify", [](auto const& count) {
         ramie::notify n;
         waiting tasks([&] { n.wait(); });
         count([&] {
             n.notify_one();
             n.notify_all();
             for (int i = 0; i < many; ++i) n.notify_one();
             tasks.see_them_end();
         });
     }},
    {"mutex, shared_mutex, condition_variable", [](auto const& count) {
         ramie::mutex m;
         ramie::shared_mutex shared;
         ramie::condition_variable go;
         bool is_open = false;
         waiting tasks([&] {
             std::unique_lock held(m);
             go.wait(held, [&] { return is_open; });
             held.unlock();
             std::shared_lock const look(shared);
         });
         count([&] {
             {
                 std::lock_guard const all(shared);
                 std::lock_guard const held(m);
                 is_open = true;
                 go.notify_all();
             }
             tasks.see_them_end();
         });
     }},
    {"semaphore", [](auto const& count) {
         ramie::semaphore s(0);
         waiting tasks([&] { (void)s.acquire(1); });
         count([&] {
             s.release(1);
             tasks.see_them_end();
         });
     }},
    {"latch", [](auto const& count) {
         ramie::latch l(1);
         waiting tasks([&] { l.wait(); });
         count([&] {
             l.count_down();
             tasks.see_them_end();
         });
     }},
    {"the ends of channels", [](auto const& count) {
         auto [tx, rx] = ramie::channel<int>(1);
         auto keep = std::make_optional(std::move(rx));
         (void)tx.send(1);
         waiting tasks([tx]() mutable { (void)tx.send(2); });
         count([&] {
             (void)keep->receive();
             keep.reset();
             tasks.see_them_end();
         });
     }},
    {"oneshot, watch", [](auto const& count) {
         auto [one, answer] = ramie::oneshot<int>();
         auto [sets, sees] = ramie::watch(0);
         auto receives = ramie::spawn([a = std::move(answer)]() mutable { (void)std::move(a).receive(); });
         auto closes = std::make_optional(std::move(sets));
         waiting tasks([sees]() mutable { (void)sees.changed(); });
         count([&] {
             (void)std::move(one).send(1);
             closes.reset();
             tasks.see_them_end();
             while (!receives.is_finished()) ramie::this_fiber::yield();
         });
     }},
    {"promise", [](auto const& count) {
         ramie::promise<int> p;
         auto const f = p.get_future().share();
         waiting tasks([f] { (void)f.get(); });
         count([&] {
             p.set_value(1);
             tasks.see_them_end();
         });
     }},
    {"cancellation_token", [](auto const& count) {
         ramie::cancellation_token t;
         waiting tasks([t] { t.wait(); });
         count([&] {
             t.cancel();
             tasks.see_them_end();
         });
     }},
    {"a deadline", [](auto const& count) {
         waiting tasks([] { ramie::this_fiber::sleep_for(2ms); });
         count([&] { tasks.see_them_end(); });
     }},
    {"abort, and handles that are dropped", [](auto const& count) {
         ramie::notify never;
         waiting tasks([&] { never.wait(); });
         count([&] {
             for (auto& h : tasks.handles()) h.abort();
             for (auto& h : tasks.handles())
                 while (!h.is_finished()) ramie::this_fiber::yield();
             for (auto& h : tasks.handles()) h.detach();
         });
     }},
    {"join_set, scoped_task and their destructors", [](auto const& count) {
         ramie::notify never;
         std::optional<ramie::join_set<void>> set(std::in_place);
         for (int i = 0; i < many; ++i) set->spawn([&] { never.wait(); });
         std::optional scoped(ramie::scoped_task(ramie::spawn([&] { never.wait(); })));
         ramie::this_fiber::sleep_for(500us);
         count([&] {
             set.reset();
             scoped.reset();
         });
     }},
    {"a tracker's, and a job's end", [](auto const& count) {
         ramie::task_tracker tracker;
         ramie::notify go;
         std::atomic<bool> may_end{false};
         tracker.spawn([&] { go.wait(); }).detach();
         auto job = ramie::spawn_blocking([&] { may_end.wait(false); });
         ramie::this_fiber::sleep_for(500us);
         tracker.close();
         count([&] {
             go.notify_one();
             may_end = true;
             may_end.notify_all();
             tracker.wait();
             while (!job.is_finished()) ramie::this_fiber::yield();
         });
     }},
};

}  // namespace

TEST_CASE("no allocation: the end of tasks, wakes and destructors allocate nothing") {
    for (bool const current_thread : {true, false}) {
        CAPTURE(current_thread);
        ramie::runtime rt({.workers = current_thread ? 1u : 2u,
                           .stall_threshold = current_thread ? std::nullopt : std::optional(1h),  // no spare: its thread is allocated
                           .current_thread = current_thread});
        for (auto const& s : scenes) {
            long first = 0, second = 0;
            // The second time: what is kept for good has been made, and it is only more of the same.
            for (auto* const result : {&first, &second})
                rt.block_on([&] { s.play([&](std::function<void()> const& f) { *result = allocated_by(f); }); });
            CHECK_MESSAGE(second == 0, std::string(s.name) << ": " << second << " allocations, " << first << " the first time");
            if (current_thread) CHECK_MESSAGE(first == 0, std::string(s.name) << ": " << first << " allocations the first time");
        }
    }
}
