// The table of unfinished tasks: a walker takes references of tasks that end, or come, under its hands.
#include "fence_mode.hpp"

#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/detail/task/live_table.hpp>
#include <ramie/detail/task/task.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::live_table;
using ramie::detail::task_state;
using enum std::memory_order;

namespace {

// A task of which nothing runs: it is listed, ends, and is freed by the last that holds it. What the checker sees of that is
// that its memory is given back: a walker that still uses it then is caught.
struct listed_task final : ramie::detail::task {
    listed_task() : task(&ops, std::source_location::current()) {
        (void)state.start();
        (void)state.drop_handle();
    }
    static void give_back(task& t) noexcept { delete static_cast<listed_task*>(&t); }
    static constexpr ramie::detail::task_ops ops{nullptr, nullptr, nullptr, nullptr, give_back};

    int data = 1;
};

// The end of a task on its lane, as task::conclude() has it.
void end(live_table::share& here, listed_task& t) {
    here.remove(t);
    if (t.state.finish(false) == task_state::finish_result::free_it) listed_task::give_back(t);
    here.concluded();
}

struct two_lanes {
    live_table table;
    live_table::share a, b;
    two_lanes() {
        a.join(table);
        b.join(table);
    }
    // How many it found.
    int walk() {
        int found = 0;
        table.for_each([&](ramie::detail::task& t) {
            ++found;
            require(static_cast<listed_task&>(t).data == 1, "a walker sees a task that is not there");
        });
        return found;
    }
};

}  // namespace

TEST_CASE("model: live_table: a task that a walker finds is there until the walker lets go") {
    in_all_fence_modes([](auto const& set_mode) {
        check({3, 2}, [=] {
            set_mode();
            auto s = std::make_shared<two_lanes>();
            auto* const t = new listed_task;
            s->a.add(*t);
            thread([=] { end(s->a, *t); });
            thread([=] { (void)s->walk(); });
            finally([=] { require(s->walk() == 0 && s->table.is_over(), "something is left"); });
        });
    });
}

TEST_CASE("model: live_table: a slot that is used again shows the old task, the new one or none") {
    in_all_fence_modes([](auto const& set_mode) {
        check({2, 2}, [=] {
            set_mode();
            auto s = std::make_shared<two_lanes>();
            auto* const old = new listed_task;
            s->a.add(*old);
            thread([=] {
                end(s->a, *old);
                s->a.add(*new listed_task);
            });
            thread([=] { require(s->walk() <= 2, "more than there ever were"); });
            finally([=] {
                require(s->walk() == 1, "the new task is lost");
                s->table.for_each([&](ramie::detail::task& t) { end(s->b, static_cast<listed_task&>(t)); });
            });
        });
    });
}

TEST_CASE("model: live_table: it may say too many, but never too few") {
    in_all_fence_modes([](auto const& set_mode) {
        check({3, 2}, [=] {
            set_mode();
            auto s = std::make_shared<two_lanes>();
            auto* const first = new listed_task;
            s->a.add(*first);
            auto* const second = new listed_task;
            thread([=] {  // one comes before the other goes, on another lane
                s->b.add(*second);
                end(s->a, *first);
            });
            thread([=] {
                require(s->table.size() >= 1, "too few");
                require(!s->table.is_over(), "over, though a task is there all the time");
            });
            finally([=] {
                end(s->b, *second);
                require(s->table.size() == 0 && s->table.is_over(), "something is left");
            });
        });
    });
}
