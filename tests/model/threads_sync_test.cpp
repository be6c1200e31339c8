// The primitives among plain threads, which wait by the same queues, states and locks as fibers do, on futexes.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/channel.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/semaphore.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using enum std::memory_order;

namespace {

// A time that may come at any moment of a wait.
auto sometime() { return ramie::detail::carrier::a_little_later(); }

struct guarded {
    ramie::mutex lock;
    int entered = 0;
    void enter() {
        lock.lock();
        ++entered;
        lock.unlock();
    }
};

}  // namespace

TEST_CASE("model: mutex: one at a time, and nobody is forgotten") {
    check({2, 1}, [] {
        auto s = std::make_shared<guarded>();
        for (int i = 0; i < 2; ++i) {
            thread([=] {
                s->enter();
                s->enter();
            });
        }
        finally([=] { require(s->entered == 4, "two were inside at once"); });
    });
    check({1, 1}, [] {
        auto s = std::make_shared<guarded>();
        for (int i = 0; i < 3; ++i) thread([=] { s->enter(); });
        finally([=] { require(s->entered == 3, "two were inside at once"); });
    });
}

TEST_CASE("model: mutex: one that finds it free by trying is one of them") {
    check({2, 1}, [] {
        auto s = std::make_shared<guarded>();
        auto tried = std::make_shared<int>(0);
        thread([=] { s->enter(); });
        thread([=] { s->enter(); });
        thread([=] {
            if (!s->lock.try_lock()) return;
            ++s->entered;
            *tried = 1;
            s->lock.unlock();
        });
        finally([=] { require(s->entered == 2 + *tried, "two were inside at once"); });
    });
}

TEST_CASE("model: notify: a permit wakes one, now or later") {
    check({3, 2}, [] {
        auto n = std::make_shared<ramie::notify>();
        auto data = std::make_shared<int>(0);
        thread([=] {
            n->wait();
            require(*data == 1, "what came before the call is not there");
        });
        thread([=] {
            *data = 1;
            n->notify_one();
        });
    });
    check({2, 1}, [] {
        auto n = std::make_shared<ramie::notify>();
        thread([=] { n->wait(); });
        thread([=] {
            if (n->wait_until(sometime())) n->notify_one();  // else the call was, or will be, the other's
        });
        thread([=] { n->notify_one(); });
    });
}

TEST_CASE("model: semaphore: no permit is lost, whoever gives up") {
    check({2, 1}, [] {
        auto s = std::make_shared<ramie::semaphore>(1);
        auto inside = std::make_shared<int>(0);
        auto const use = [=](auto got) {
            if (!got) return;
            ++*inside;
            --*inside;
        };
        thread([=] { use(s->acquire()); });
        thread([=] { use(s->acquire_until(sometime())); });
        finally([=] { require(s->available() == 1, "a permit is lost, or there are two"); });
    });
}

TEST_CASE("model: channel: each value comes once, in order, and the end after them") {
    check({2, 1}, [] {
        auto [tx, rx] = ramie::channel<int>(1);
        auto in = std::make_shared<ramie::sender<int>>(std::move(tx));
        auto out = std::make_shared<ramie::receiver<int>>(std::move(rx));
        thread([in = std::move(in)]() mutable {
            require(in->send(1).has_value() && in->send(2).has_value(), "the channel is closed too early");
            in.reset();
        });
        thread([=] {
            auto const a = out->receive();
            auto const b = out->receive();
            require(a && *a == 1 && b && *b == 2, "a value is lost");
            require(!out->receive(), "there is one too many");
        });
    });
}
