// inject_queue: any thread pushes, any worker pops. Each task is got once, with what was written before it was put, and in the
// order of one pusher. A worker that is about to sleep and a poster see each other: the count is written before the poster's
// fence and read after the sleeper's (idle.md).
#include "passed_tasks.hpp"
#include "queues/inject_queue.hpp"

#include <ramie/detail/task/task.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>

using namespace ramie::model;
using ramie::detail::inject_queue;
using ramie::detail::task;
using ramie::detail::task_chain;
using enum std::memory_order;

namespace {

// Nothing of it runs: it is linked, which writes to it.
struct queued_task final : task {
    explicit queued_task(int n) : task(nullptr, std::source_location::current()), number(n) {}
    int const number;
    int data = 0;  // written before it is put
};

struct state {
    inject_queue queue;
    std::array<atomic<int>, 4> got{};

    void put(int n) {
        auto* const t = new queued_task(n);
        t->data = 1;
        queue.push(*t);
    }
    // Takes a chain apart. Returns its first number; -1: it is empty.
    int take(task_chain chain) {
        int first = -1;
        while (auto* const t = static_cast<queued_task*>(chain.take())) {
            require(t->data == 1, "the task is not there yet");
            require(got[static_cast<std::size_t>(t->number)].fetch_add(1, relaxed) == 0, "a task is got twice");
            if (first < 0) first = t->number;
            delete t;
        }
        require(chain.count == 0, "the chain's count is wrong");
        return first;
    }
    void all_got(std::size_t n) {
        while (take(queue.pop(1)) >= 0) {}
        require(queue.size() == 0, "it says that something is left");
        for (std::size_t i = 0; i < n; ++i) require(got[i].load(relaxed) == 1, "a task is lost");
    }
};

}  // namespace

TEST_CASE("model: inject_queue: what two threads push is got once, by one of two workers") {
    check({2, 2}, [] {
        auto s = std::make_shared<state>();
        thread([=] { s->put(0); });
        thread([=] { s->put(1); });
        thread([=] { s->take(s->queue.pop(2)); });
        finally([=] { s->all_got(2); });
    });
    check({2, 2}, [] {
        auto s = std::make_shared<state>();
        thread([=] {
            s->put(0);
            s->put(1);
        });
        for (int i = 0; i < 2; ++i) thread([=] { s->take(s->queue.pop(1)); });
        finally([=] { s->all_got(2); });
    });
}

TEST_CASE("model: inject_queue: the oldest comes first, and a chain stays together") {
    check({3, 2}, [] {
        auto s = std::make_shared<state>();
        thread([=] {
            task_chain two;
            for (int i = 0; i < 2; ++i) {
                auto* const t = new queued_task(i);
                t->data = 1;
                two.add(*t);
            }
            s->queue.push(two);
            s->put(2);
        });
        thread([=] {
            auto const a = s->take(s->queue.pop(1));
            auto const b = s->take(s->queue.pop(1));
            require(a == -1 || a == 0, "the oldest does not come first");
            require(b == -1 || b == a + 1, "the order is lost");
        });
        finally([=] { s->all_got(3); });
    });
}

TEST_CASE("model: inject_queue: what is picked out of it and what stays are all there") {
    check({3, 2}, [] {
        auto s = std::make_shared<state>();
        s->put(0);
        s->put(1);
        thread([=] { s->put(2); });
        thread([=] {
            s->take(s->queue.take_if([](task& t) { return static_cast<queued_task&>(t).number == 1; }));
            require(s->got[1].load(relaxed) == 1, "it was not picked");
        });
        finally([=] { s->all_got(3); });
    });
}

// A worker between its sleep fence and its sleep; a worker that is lent, and a thread that posts a pinned task to it
// (idle.md, Stuck workers).
TEST_CASE("model: inject_queue: one who looks before it sleeps, or when it is lent, and one who pushes and looks for that") {
    for (bool const by_fence : {true, false}) {
        check(everything, [=] {
            auto s = std::make_shared<state>();
            auto says_so = std::make_shared<atomic<bool>>(false);
            auto saw = std::make_shared<std::array<bool, 2>>();
            thread([=] {
                s->put(0);
                if (by_fence) thread_fence(seq_cst);  // the post fence
                (*saw)[0] = says_so->load(by_fence ? relaxed : seq_cst);
            });
            thread([=] {
                says_so->store(true, seq_cst);
                if (by_fence) thread_fence(seq_cst);  // the sleep fence
                (*saw)[1] = s->queue.size() > 0;
            });
            finally([=] {
                require((*saw)[0] || (*saw)[1], "neither saw the other");
                s->all_got(1);
            });
        });
    }
}
