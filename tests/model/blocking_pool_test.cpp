// blocking_pool: jobs find a thread, one is called at a time, and threads end when they are not called for long. Each job is
// run once or cancelled once; no job waits while no thread is on its way; a job that is refused was not taken; a thread that
// ends is joined; nothing of the pool is used after stop(). Threads may leave at any moment of their idle time.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "blocking/blocking_pool.hpp"
#include "scheduler.hpp"

#include <ramie/detail/task/task.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <system_error>

using namespace ramie::model;
using ramie::detail::blocking_pool;
using ramie::detail::result_kind;
using ramie::detail::task;
using enum std::memory_order;

namespace {

struct job;

struct world {
    // The pool only says to its threads that they belong to that runtime.
    alignas(ramie::detail::scheduler) std::array<std::byte, sizeof(ramie::detail::scheduler)> home{};
    blocking_pool pool;
    std::array<atomic<int>, 3> runs{}, cancelled{};
    atomic<int> freed{0};

    explicit world(unsigned most) : pool(*reinterpret_cast<ramie::detail::scheduler*>(home.data()), "model", most, 0) {}
    job* make(std::size_t n);
    void wait_for(job* j);
    // Each was run or cancelled, and its block is freed.
    void all_done(std::size_t n) {
        for (std::size_t i = 0; i < n; ++i)
            require(runs[i].load(relaxed) + cancelled[i].load(relaxed) == 1, "a job is lost, or run twice");
        require(freed.load(relaxed) == static_cast<int>(n), "a block is lost");
    }
};

struct job final : task {
    job(world& s, std::size_t n) : task(&ops, std::source_location::current()), of(s), number(n) { runs = body::on_a_blocking_thread; }
    static job& me(task& t) noexcept { return static_cast<job&>(t); }
    static void run_it(task& t) {
        require(me(t).data == 1, "what was written before the push is not there");
        me(t).of.runs[me(t).number].fetch_add(1, release);
        while (me(t).waits_for >= 0 && me(t).of.runs[static_cast<std::size_t>(me(t).waits_for)].load(acquire) == 0) wait_for_a_change();
    }
    static void drop_callable(task& t) noexcept { me(t).of.cancelled[me(t).number].fetch_add(1, relaxed); }
    static void drop_value(task&) noexcept {}
    static void give_back(task& t) noexcept {
        me(t).of.freed.fetch_add(1, relaxed);
        delete &me(t);
    }
    static constexpr ramie::detail::task_ops ops{run_it, drop_callable, drop_value, nullptr, give_back};

    world& of;
    std::size_t const number;
    int data = 0;
    int waits_for = -1;  // the job that must have run before this one ends
};

job* world::make(std::size_t n) {
    auto* const j = new job(*this, n);
    j->data = 1;
    return j;
}
void world::wait_for(job* j) {
    require(join(*j), "a join without a limit ends without a result");
    j->release_handle();
}

}  // namespace

TEST_CASE("model: blocking_pool: each job is run, by one thread or two") {
    for (unsigned const most : {1u, 2u}) {
        check({1, 1}, [=] {
            auto s = std::make_shared<world>(most);
            thread([=] {
                auto* const a = s->make(0);
                auto* const b = s->make(1);
                s->pool.push(*a);
                s->pool.push(*b);
                s->wait_for(a);
                s->wait_for(b);
                s->pool.stop();
                require(s->pool.threads() == 0, "a thread is left");
            });
            finally([=] { s->all_done(2); });
        });
    }
}

TEST_CASE("model: blocking_pool: a job that comes as a thread falls asleep, or leaves") {
    check({1, 1}, [] {
        auto s = std::make_shared<world>(1);
        thread([=] {
            for (std::size_t i = 0; i < 2; ++i) {
                auto* const j = s->make(i);
                s->pool.push(*j);
                s->wait_for(j);
            }
            s->pool.stop();
        });
        finally([=] { s->all_done(2); });
    });
}

TEST_CASE("model: blocking_pool: no job waits while another runs, and no thread needs the end of its idle time to find one") {
    check({1, 0}, [] {
        limits_do_not_pass();
        auto s = std::make_shared<world>(2);
        thread([=] {
            auto* const a = s->make(0);
            auto* const b = s->make(1);
            a->waits_for = 1;  // the first job ends only when the second has run
            s->pool.push(*a);
            s->pool.push(*b);
            s->wait_for(a);
            s->wait_for(b);
            auto* const c = s->make(2);
            s->pool.push(*c);
            s->wait_for(c);
            s->pool.stop();
        });
        finally([=] { s->all_done(3); });
    });
}

TEST_CASE("model: blocking_pool: two threads push, and one of them aborts a queued job") {
    check({1, 0}, [] {
        auto s = std::make_shared<world>(1);
        auto others = std::make_shared<atomic<int>>(0);
        thread([=] {
            auto* const j = s->make(0);
            s->pool.push(*j);
            s->wait_for(j);
            while (others->load(acquire) == 0) wait_for_a_change();
            s->pool.stop();
        });
        thread([=] {
            auto* const j = s->make(1);
            j->ref();
            s->pool.push(*j);
            j->abort();
            j->unref();
            s->wait_for(j);
            others->store(1, release);
        });
        finally([=] { s->all_done(2); });
    });
}

TEST_CASE("model: blocking_pool: the system refuses threads: a job is refused and cancelled, or the others do it") {
    check({1, 0}, [] {
        threads_may_be_refused();
        auto s = std::make_shared<world>(2);
        thread([=] {
            std::array<job*, 2> all{s->make(0), s->make(1)};
            for (auto*& j : all) {
                try {
                    s->pool.push(*j);
                } catch (std::system_error const&) {
                    require(j->kind == result_kind::cancelled, "refused, but not cancelled");
                }
            }
            for (auto* const j : all) s->wait_for(j);
            s->pool.stop();
        });
        finally([=] { s->all_done(2); });
    });
}

// A thread that was refused is not on its way any more: else no later job would call the idle one.
TEST_CASE("model: blocking_pool: after the system has refused a second thread, the first is called as before") {
    check({1, 0}, [] {
        threads_may_be_refused();
        limits_do_not_pass();
        auto s = std::make_shared<world>(2);
        thread([=] {
            std::array<job*, 3> all{s->make(0), s->make(1), s->make(2)};
            auto const push = [=](job* j) {
                try {
                    s->pool.push(*j);
                } catch (std::system_error const&) {
                }
            };
            push(all[0]);
            while (s->runs[0].load(acquire) + s->cancelled[0].load(relaxed) == 0) wait_for_a_change();
            push(all[1]);
            for (auto* const j : {all[0], all[1]}) s->wait_for(j);
            push(all[2]);
            s->wait_for(all[2]);
            s->pool.stop();
        });
        finally([=] { s->all_done(3); });
    });
}
