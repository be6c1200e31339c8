// A worker's deadlines: a wait that ends by its deadline, by a waker or by an abort, while the heap's other deadlines come and go.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "timers/timer_heap.hpp"

#include <ramie/detail/task/task.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>

using namespace ramie::model;
using ramie::detail::task_state;
using ramie::detail::time_point;
using ramie::detail::timer_heap;
using namespace std::chrono_literals;

namespace {

// A task that waits once. What runs it disarms its timer first, as lane::park() and whole_wait() do, and then frees it: the checker sees who
// uses it after that.
struct waiting_task final : ramie::detail::task {
    // `kept`: it is freed by the test. (A waker reaches a task through a queue whose lock keeps it there.)
    explicit waiting_task(int& times_run, bool kept = false)
        : task(&ops, std::source_location::current()), times(times_run), is_kept(kept) {
        (void)state.start();
        g = state.generation();
    }
    static void give_back(task& t) noexcept { delete static_cast<waiting_task*>(&t); }
    static constexpr ramie::detail::task_ops ops{nullptr, nullptr, nullptr, nullptr, give_back};

    void go_on() {
        if (timer != nullptr) timer->heap->disarm(*this);
        (void)state.last_outcome();  // each wait ends with this
        ++times;
        if (!is_kept) delete this;
    }
    std::uint64_t g;
    int& times;
    bool const is_kept;
};

constexpr auto soon = time_point{} + 1s, later = time_point{} + 2s;

struct one_heap {
    timer_heap heap;
    int run[2] = {0, 0};
    // As the worker has it: room is made before the fiber leaves.
    void park(waiting_task& t, time_point until) {
        bool earlier = false;
        require(heap.can_arm(), "no room");
        if (heap.arm(t, t.g, true, until, earlier) == task_state::park_result::resume_now) t.go_on();
    }
    void fire(time_point now) {
        auto due = heap.fire(now);
        while (auto* const t = due.take()) static_cast<waiting_task*>(t)->go_on();
    }
    // There is memory for two deadlines (a block has two in a model): that is enough again.
    void require_nodes_are_back() {
        int more[2] = {0, 0};
        for (auto& times : more) park(*new waiting_task(times), soon);
        fire(soon);
        require(heap.nodes() == 2, "a node is lost");
    }
    static void wake(waiting_task& t, std::uint64_t g) {
        if (t.state.claim(g, task_state::outcome::woken) == task_state::claim_result::submit_it) t.go_on();
    }
};

}  // namespace

TEST_CASE("model: timer_heap: a deadline that fires as the wait begins, or not any more, runs the task once") {
    check({3, 2}, [] {
        auto s = std::make_shared<one_heap>();
        auto* const t = new waiting_task(s->run[0]);
        thread([=] {
            s->park(*t, soon);
            s->fire(later);
        });
        thread([=] { s->fire(later); });
        finally([=] {
            require(s->run[0] == 1, "not run once");
            require(s->heap.first() == ramie::detail::never, "a deadline is left");
            s->require_nodes_are_back();
        });
    });
}

TEST_CASE("model: timer_heap: a waker and the deadline: one of them runs the task, and its node comes back") {
    check({2, 2}, [] {
        auto s = std::make_shared<one_heap>();
        auto* const first = new waiting_task(s->run[0]);
        auto* const second = new waiting_task(s->run[1]);
        s->park(*second, later);
        thread([=, g = second->g] { one_heap::wake(*second, g); });  // its deadline has not come: only this ends its wait
        thread([=] {
            s->park(*first, soon);
            s->fire(soon);
        });
        finally([=] {
            require(s->run[0] == 1 && s->run[1] == 1, "a task is not run once");
            require(s->heap.first() == ramie::detail::never, "a deadline is left");
            s->require_nodes_are_back();
        });
    });
}

TEST_CASE("model: timer_heap: a waker and the deadline of one wait: one of them ends it") {
    check({3, 2}, [] {
        auto s = std::make_shared<one_heap>();
        auto* const t = new waiting_task(s->run[0], true);
        thread([=] { s->park(*t, soon); });
        thread([=, g = t->g] { one_heap::wake(*t, g); });
        thread([=] { s->fire(soon); });
        finally([=] {
            s->fire(soon);
            require(s->run[0] == 1, "not run once");
            require(t->timer == nullptr && s->heap.first() == ramie::detail::never, "a deadline is left");
            delete t;
        });
    });
}

TEST_CASE("model: timer_heap: an abort and the deadline: one of them runs the task") {
    check({2, 2}, [] {
        auto s = std::make_shared<one_heap>();
        auto* const t = new waiting_task(s->run[0]);
        thread([=] {
            s->park(*t, soon);
        });
        thread([=] {
            if (t->state.abort() == task_state::abort_result::submit_it) t->go_on();
        });
        finally([=] {
            s->fire(later);
            require(s->run[0] == 1, "not run once");
        });
    });
}

TEST_CASE("model: timer_heap: the heap says its first deadline to those who do not lock it") {
    check({3, 3}, [] {
        auto s = std::make_shared<one_heap>();
        auto sleeps = std::make_shared<atomic<int>>(0);
        auto seen = std::make_shared<bool>(false);
        auto* const t = new waiting_task(s->run[0]);
        // idle.md, Deadlines: the armer publishes, then looks for a sleeper; the sleeper says so, then looks at the heaps.
        thread([=] {
            s->park(*t, soon);
            *seen = sleeps->load(std::memory_order_seq_cst) == 1;
        });
        auto found = std::make_shared<bool>(false);
        thread([=] {
            sleeps->store(1, std::memory_order_seq_cst);
            *found = s->heap.first() == soon;
        });
        finally([=] {
            require(*seen || *found, "neither saw the other");
            s->fire(later);
        });
    });
}
