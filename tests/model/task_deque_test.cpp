// task_deque: its owner against thieves, while it grows and shrinks. Two slots at first.
#include "passed_tasks.hpp"
#include "queues/task_deque.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::task_deque;

namespace {

struct state : passed_tasks {
    ramie::detail::solitude alone{false};
    task_deque deque{alone};
    void steal() { take(deque.steal()); }
    void empty_it() {
        while (auto* const t = deque.pop()) take(t);
    }
};

}  // namespace

TEST_CASE("model: task_deque: the last entry goes to its owner or to one thief") {
    check({4, 3}, [] {
        auto s = std::make_shared<state>();
        thread([=] {
            require(s->deque.push(*s->make(0)), "no memory");
            s->take(s->deque.pop());
            require(s->deque.push(*s->make(1)), "no memory");
            s->take(s->deque.pop());
        });
        thread([=] { s->steal(); });
        finally([=] {
            s->empty_it();
            s->all_got(2);
        });
    });
    check({3, 2}, [] {
        auto s = std::make_shared<state>();
        require(s->deque.push(*s->make(0)), "no memory");
        require(s->deque.push(*s->make(1)), "no memory");
        thread([=] {
            s->take(s->deque.pop());
            s->take(s->deque.pop());
        });
        thread([=] { s->steal(); });
        thread([=] { s->steal(); });
        finally([=] {
            s->empty_it();
            s->all_got(2);
        });
    });
}

TEST_CASE("model: task_deque: it grows under a thief's hands") {
    check({3, 2}, [] {
        auto s = std::make_shared<state>();
        require(s->deque.push(*s->make(0)), "no memory");
        thread([=] {
            for (std::size_t i = 1; i < 4; ++i) require(s->deque.push(*s->make(i)), "no memory");
            s->take(s->deque.pop());
        });
        thread([=] {
            s->steal();
            s->steal();
        });
        finally([=] {
            s->empty_it();
            s->all_got(4);
        });
    });
}

TEST_CASE("model: task_deque: it shrinks under a thief's hands, and grows again") {
    check({3, 2}, [] {
        auto s = std::make_shared<state>();
        for (std::size_t i = 0; i < 3; ++i) require(s->deque.push(*s->make(i)), "no memory");
        (void)s->deque.trim();  // it has grown since the last call
        thread([=] {
            s->take(s->deque.pop());
            s->take(s->deque.pop());
            s->take(s->deque.pop());
            (void)s->deque.trim();
            require(s->deque.push(*s->make(3)), "no memory");
            require(s->deque.push(*s->make(4)), "no memory");
        });
        thread([=] { s->steal(); });
        finally([=] {
            s->empty_it();
            s->all_got(5);
        });
    });
}
