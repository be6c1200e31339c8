// word_lock, with a lane it is biased to (bias.hpp).
#include "fence_mode.hpp"

#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/detail/fence/word_lock.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::word_lock;

namespace {

struct guarded {
    word_lock lock;
    int entered = 0;
    void enter(int times) {
        for (int i = 0; i < times; ++i) {
            lock.lock();
            ++entered;
            lock.unlock();
        }
    }
};

// The calling thread is a lane that is alone in its runtime.
void be_lane(ramie::detail::lane_number n) { ramie::detail::ramie_bias_here = n; }

}  // namespace

TEST_CASE("model: word_lock: one at a time, among strangers") {
    check({4, 3}, [] {
        auto s = std::make_shared<guarded>();
        for (int i = 0; i < 2; ++i) thread([=] { s->enter(2); });
        finally([=] { require(s->entered == 4, "two were inside at once"); });
    });
    check({2, 2}, [] {
        auto s = std::make_shared<guarded>();
        for (int i = 0; i < 3; ++i) thread([=] { s->enter(1); });
        finally([=] { require(s->entered == 3, "two were inside at once"); });
    });
}

TEST_CASE("model: word_lock: the lane it is biased to, and strangers who take it back") {
    in_all_fence_modes([](auto const& set_mode) {
        check({3, 2}, [=] {
            set_mode();
            auto s = std::make_shared<guarded>();
            thread([=] {
                be_lane(5);
                s->enter(3);  // the first makes the lock its own
            });
            thread([=] { s->enter(2); });
            finally([=] { require(s->entered == 5, "two were inside at once"); });
        });
        check({2, 1}, [=] {
            set_mode();
            auto s = std::make_shared<guarded>();
            thread([=] {
                be_lane(5);
                s->enter(2);
            });
            thread([=] { s->enter(1); });
            thread([=] { s->enter(1); });
            finally([=] { require(s->entered == 4, "two were inside at once"); });
        });
    });
}

TEST_CASE("model: word_lock: whoever locks it last may destroy it") {
    check({3, 3}, [] {
        auto* const s = new guarded;
        auto const done = std::make_shared<atomic<int>>(0);
        for (int i = 0; i < 2; ++i) {
            thread([=] {
                s->lock.lock();
                bool const last = ++s->entered == 2;
                s->lock.unlock();
                if (!last) return;
                s->lock.lock();  // lets the other out
                s->lock.unlock();
                delete s;
            });
        }
    });
}
