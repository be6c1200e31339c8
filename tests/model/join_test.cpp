// The join of a real task (task.cpp, join.cpp): a plain thread joins, another thread runs the task to its end; an abort and
// the joiner's time limit take part. The result is there when the join says so; a joiner that gives up does not hold the task
// back; the block is freed once, by whichever side is the last; the finisher does not use it, nor the joiner, after that.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/task/task.hpp>
#include <ramie/detail/wait/park.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::never;
using ramie::detail::result_kind;
using ramie::detail::task;
using ramie::detail::task_state;
using ramie::detail::waiter;

namespace {

auto sometime() { return ramie::detail::carrier::a_little_later(); }

struct counts {
    int runs = 0, values_dropped = 0, callables_dropped = 0, ends_told = 0, freed = 0;
};

// A task whose value is a number. The block's end is its delete: the checker sees each use after that.
struct number_task final : task {
    explicit number_task(counts& c, bool tells_end = false)
        : task(tells_end ? &telling : &plain, std::source_location::current()), seen(c) {
        home = reinterpret_cast<ramie::detail::scheduler*>(this);  // it is only passed on
    }

    static number_task& of(task& t) noexcept { return static_cast<number_task&>(t); }
    static void run_it(task& t) {
        ++of(t).seen.runs;
        of(t).value = 42;
    }
    static void drop_callable(task& t) noexcept { ++of(t).seen.callables_dropped; }
    static void drop_value(task& t) noexcept { ++of(t).seen.values_dropped; }
    static void tell_end(task& t) noexcept { ++of(t).seen.ends_told; }
    static void give_back(task& t) noexcept {
        ++of(t).seen.freed;
        delete &of(t);
    }
    static constexpr ramie::detail::task_ops plain{run_it, drop_callable, drop_value, nullptr, give_back};
    static constexpr ramie::detail::task_ops telling{run_it, drop_callable, drop_value, tell_end, give_back};

    counts& seen;
    int value = 0;
};

// A thread that has taken the task from its queue.
void run_from_queue(task& t) {
    if (t.state.start() != task_state::start_result::run_it) return t.unref();
    t.run();
    t.finish();
}

// What a join_handle does with a finished task.
void receive(number_task& t) {
    if (t.kind == result_kind::value) require(t.value == 42, "the value is not there");
    else require(t.kind == result_kind::cancelled, "it has ended, but how?");
    t.release_handle();
}

}  // namespace

TEST_CASE("model: join: the value is there after the join, and the block is freed once") {
    for (bool const tells_end : {false, true}) {
        check({3, 2}, [=] {
            auto c = std::make_shared<counts>();
            auto* const t = new number_task(*c, tells_end);
            thread([=] { run_from_queue(*t); });
            thread([=] {
                require(join(*t), "a join without a limit ends without a result");
                if (tells_end) require(c->ends_told == 1, "joined before its end was told");
                receive(*t);
            });
            finally([=] { require(c->runs == 1 && c->freed == 1, "not run once, or not freed once"); });
        });
    }
}

TEST_CASE("model: join: a joiner whose time is up leaves, and the value goes to it or is destroyed") {
    check({3, 2}, [] {
        auto c = std::make_shared<counts>();
        auto* const t = new number_task(*c);
        auto got = std::make_shared<int>(0);
        thread([=] { run_from_queue(*t); });
        thread([=] {
            if (join(*t, sometime())) {
                ++*got;
                receive(*t);
            } else {
                t->drop_handle();
            }
        });
        finally([=] {
            require(*got + c->values_dropped == 1, "the value is lost, or there twice");
            require(c->freed == 1, "not freed once");
        });
    });
}

TEST_CASE("model: join: an abort before, at or after its start: it runs or is cancelled, and the joiner learns which") {
    check({2, 2}, [] {
        auto c = std::make_shared<counts>();
        auto* const t = new number_task(*c);
        t->ref();  // the abort_handle's
        thread([=] { run_from_queue(*t); });
        thread([=] {
            require(join(*t), "a join without a limit ends without a result");
            receive(*t);
        });
        thread([=] {
            t->abort();
            t->unref();
        });
        finally([=] {
            require(c->runs + c->callables_dropped == 1, "the callable is used twice, or never");
            require(c->freed == 1, "not freed once");
        });
    });
}

// As a select does for each of its handles (join.cpp).
TEST_CASE("model: join: a select shows itself and takes itself back, and knows which of both ends served it") {
    check({3, 2}, [] {
        auto c = std::make_shared<counts>();
        auto* const t = new number_task(*c);
        thread([=] { run_from_queue(*t); });
        thread([=] {
            auto& self = waiter::self();
            auto const g = self.state.generation();
            if (show_joiner(*t, self, g)) {
                auto const end = park(self, g, {"select", nullptr}, nullptr, sometime());
                bool const served = take_back_joiner(*t);
                require(served == end.woken(), "it is woken and not served, or served and not woken");
                if (!served) return t->drop_handle();
            }
            receive(*t);
        });
        finally([=] { require(c->freed == 1, "not freed once"); });
    });
}
