// ending, with the table of unfinished tasks and the injection queue: the end of a runtime, step by step as scheduler_end.cpp
// has it, while tasks are spawned from outside and end. Each task is run or cancelled once, and its block freed; the end waits
// for all of them and does not wait for ever; nothing of the runtime is used after it was taken apart.
#include "fence_mode.hpp"

#include <model/atomic.hpp>
#include <model/explore.hpp>
#include <model/plain_thread.hpp>

#include "ending.hpp"
#include "queues/inject_queue.hpp"

#include <ramie/detail/task/live_table.hpp>
#include <ramie/detail/task/task.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::ending;
using ramie::detail::inject_queue;
using ramie::detail::live_table;
using ramie::detail::never;
using ramie::detail::task;
using ramie::detail::task_state;
using enum std::memory_order;

namespace {

// What outlives the runtime.
struct counts {
    atomic<int> made{0}, run{0}, cancelled{0}, freed{0};
};

struct spawned final : task {
    explicit spawned(counts& c) : task(&ops, std::source_location::current()), seen(c) {
        home = reinterpret_cast<ramie::detail::scheduler*>(this);  // it is only passed on
        (void)state.drop_handle();
        seen.made.fetch_add(1, relaxed);
    }
    static spawned& of(task& t) noexcept { return static_cast<spawned&>(t); }
    static void run_it(task& t) { of(t).seen.run.fetch_add(1, relaxed); }
    static void drop_callable(task& t) noexcept { of(t).seen.cancelled.fetch_add(1, relaxed); }
    static void drop_value(task&) noexcept {}
    static void give_back(task& t) noexcept {
        of(t).seen.freed.fetch_add(1, relaxed);
        delete &of(t);
    }
    static constexpr ramie::detail::task_ops ops{run_it, drop_callable, drop_value, nullptr, give_back};
    counts& seen;
};

// A runtime with one worker, as far as its end is concerned.
struct runtime final : live_table::end_listener {
    live_table live;
    inject_queue injected;
    ending end;
    atomic<bool> stopping{false};

    void something_ended() noexcept override { end.something_ended(); }

    // scheduler::submit_with_care(), by a thread that does not belong to it.
    void spawn(counts& c) {
        auto& t = *new spawned(c);
        ending::foreign_post const until_done(&end);
        live.add(t);
        if (end.came_too_late()) {
            if (t.state.start() == task_state::start_result::run_it) t.cancel();
            else t.unref();
            return;
        }
        injected.push(t);
    }
    void work() {
        while (!stopping.load(acquire)) {
            auto* const t = injected.pop();
            if (t == nullptr) {
                if (injected.size() == 0) wait_for_a_change();
            } else if (t->state.start() == task_state::start_result::run_it) {
                t->run();
                t->finish();
            } else {
                t->unref();
            }
        }
    }
    // scheduler::shut_down().
    void shut_down(plain_thread& worker) {
        end.begin();
        live.listen(this);
        live.for_each([](task& t) { (void)t.mark_aborted(); });
        (void)end.wait(never, [this] { return live.is_over(); });
        live.listen(nullptr);
        end.wait_for_posts();
        stopping.store(true, release);
        worker.join();
        while (auto* const t = injected.pop()) t->unref();
    }
};

void all_ended(counts& c) {
    require(c.run.load(relaxed) + c.cancelled.load(relaxed) == c.made.load(relaxed), "a task is lost, or was run twice");
    require(c.freed.load(relaxed) == c.made.load(relaxed), "a block is lost");
}

}  // namespace

TEST_CASE("model: ending: a spawn from outside while the runtime ends") {
    in_all_fence_modes([](auto const& set_mode) {
        check({1, 1}, [=] {
            set_mode();
            auto c = std::make_shared<counts>();
            auto* const r = new runtime;
            auto spawner_holds = std::make_shared<atomic<bool>>(true);
            thread([=] {
                plain_thread worker([=] { r->work(); });
                // A thread that spawns keeps the runtime's handle; what is looked at here is the last touch before that goes.
                r->shut_down(worker);
                while (spawner_holds->load(acquire)) wait_for_a_change();
                delete r;
            });
            thread([=] {
                r->spawn(*c);
                spawner_holds->store(false, release);
            });
            finally([=] { all_ended(*c); });
        });
    });
}

TEST_CASE("model: ending: a task that is queued when the end comes, and the last post's last touch") {
    check({1, 1}, [] {
        auto c = std::make_shared<counts>();
        auto* const r = new runtime;
        r->spawn(*c);
        thread([=] {
            plain_thread worker([=] { r->work(); });
            r->shut_down(worker);
            delete r;
        });
        finally([=] { all_ended(*c); });
    });
}

// Of a task that a foreign thread ends (it is cancelled, or is a blocking job): the last that thread does is told to the end.
TEST_CASE("model: ending: a foreign thread ends the last task, and the runtime is gone at once") {
    check({1, 1}, [] {
        auto c = std::make_shared<counts>();
        auto* const r = new runtime;
        auto* const t = new spawned(*c);
        r->live.add(*t);
        thread([=] {
            ending::foreign_post const until_done(&r->end);
            (void)t->state.start();
            t->run();
            t->finish();
        });
        thread([=] {
            plain_thread nobody([] {});
            r->shut_down(nobody);
            delete r;
        });
        finally([=] { all_ended(*c); });
    });
}

TEST_CASE("model: ending: what is over before it is told is found by the one that waits, in whatever order it asks for it") {
    check({no_bound, 3}, [] {
        auto end = std::make_shared<ending>();
        auto over = std::make_shared<atomic<bool>>(false);
        thread([=] { require(end->wait(never, [=] { return over->load(relaxed); }), "its time was up"); });
        thread([=] {
            end->something_ended();  // something else
            over->store(true, relaxed);
            end->something_ended();
        });
    });
}
