// watch: the latest value, what counts as seen, and who hears of whose end.
#include "abort_at_each.hpp"
#include "both_ways.hpp"
#include "destroyed_while_waited.hpp"

#include <ramie/channel.hpp>
#include <ramie/select.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::channel_error;

TEST_CASE("watch: the first value counts as seen, the next one does not, and changed() counts it as seen") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::watch<std::string>("one");
        CHECK(*rx.borrow() == "one");
        CHECK_FALSE(rx.has_changed());
        bool woken = false;
        auto task = ramie::spawn([&] {
            CHECK(rx.changed());
            woken = true;
        });
        carrier.drain();
        CHECK_FALSE(woken);
        CHECK(tx.send("two"));
        CHECK(rx.has_changed());
        carrier.drain();
        CHECK(woken);
        CHECK_FALSE(rx.has_changed());
        CHECK(*rx.borrow() == "two");
    });
}

TEST_CASE("watch: borrow leaves the value unseen, borrow_and_update does not, and both say whether it was new") {
    auto [tx, rx] = ramie::watch(1);
    CHECK_FALSE(rx.borrow().has_changed());
    CHECK(tx.send(2));
    CHECK(rx.borrow().has_changed());
    CHECK(rx.has_changed());
    auto const now = rx.borrow_and_update();
    CHECK(*now == 2);
    CHECK(now.has_changed());
    CHECK_FALSE(rx.has_changed());
    rx.mark_changed();
    CHECK(rx.changed());
    CHECK(tx.send(3));
    rx.mark_unchanged();
    CHECK(rx.changed_for(0ms).error() == channel_error::timed_out);
}

TEST_CASE("watch: values between two looks are skipped") {
    auto [tx, rx] = ramie::watch(0);
    for (int i = 1; i <= 5; ++i) CHECK(tx.send(i));
    CHECK(rx.changed());
    CHECK(*rx.borrow() == 5);
    CHECK_FALSE(rx.has_changed());
}

TEST_CASE("watch: a borrowed value stays what it is, and sending does not wait for it") {
    auto [tx, rx] = ramie::watch<std::string>("old");
    auto const held = rx.borrow();
    CHECK(tx.send("new"));
    CHECK(*held == "old");
    CHECK(*rx.borrow() == "new");
    CHECK(*tx.borrow() == "new");
    CHECK(held->size() == 3);
}

TEST_CASE("watch: every receiver hears of a value, and each counts for itself") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::watch(0);
        std::vector<int> heard;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 3; ++i)
            tasks.push_back(ramie::spawn([&heard, rx]() mutable {
                while (rx.changed()) heard.push_back(*rx.borrow());
            }));
        carrier.drain();
        CHECK(tx.send(1));
        carrier.drain();
        CHECK(heard == std::vector{1, 1, 1});
        tx = {};
        carrier.drain();
        for (auto& t : tasks) CHECK(t.is_finished());
    });
}

TEST_CASE("watch: a copy has seen what the original has, a subscriber what is there") {
    auto [tx, rx] = ramie::watch(0);
    CHECK(tx.send(1));
    auto copy = rx;
    CHECK(copy.has_changed());
    auto fresh = tx.subscribe();
    CHECK_FALSE(fresh.has_changed());
    CHECK(*fresh.borrow() == 1);
    CHECK(tx.receiver_count() == 3);
}

TEST_CASE("watch: when the last sender has gone an unseen value is still told, then false") {
    auto [tx, rx] = ramie::watch(0);
    auto other = tx;
    CHECK(other.send(1));
    tx = {};
    CHECK_FALSE(rx.is_closed());
    other = {};
    CHECK(rx.is_closed());
    CHECK(rx.changed());
    CHECK_FALSE(rx.changed());
    CHECK(rx.changed_for(1s).error() == channel_error::closed);
    CHECK(*rx.borrow() == 1);
}

TEST_CASE("watch: send without receivers fails and changes nothing; send_replace and send_modify change the value") {
    auto [tx, rx] = ramie::watch(1);
    rx = {};
    CHECK(tx.is_closed());
    CHECK(tx.send(2).error() == channel_error::closed);
    CHECK(*tx.borrow() == 1);
    CHECK(*tx.send_replace(3) == 1);
    tx.send_modify([](int& v) { v += 10; });
    CHECK(*tx.borrow() == 13);
    auto again = tx.subscribe();
    CHECK(tx.send(4));
    CHECK(again.has_changed());
}

TEST_CASE("watch: send_if_modified tells nobody if nothing changed, and a throwing modification changes nothing") {
    auto [tx, rx] = ramie::watch(1);
    CHECK_FALSE(tx.send_if_modified([](int& v) {
        v = 9;
        return false;
    }));
    CHECK_FALSE(rx.has_changed());
    CHECK(*rx.borrow() == 1);
    CHECK_THROWS_AS(tx.send_modify([](int& v) {
        v = 9;
        throw std::runtime_error("no");
    }),
                    std::runtime_error);
    CHECK(*rx.borrow() == 1);
    CHECK(tx.send_if_modified([](int& v) { return ++v == 2; }));
    CHECK(rx.has_changed());
}

TEST_CASE("watch: modifications by several senders, even if they wait in between, are not lost") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::watch(0);
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 5; ++i)
            tasks.push_back(ramie::spawn([tx]() mutable {
                tx.send_modify([](int& v) {
                    int const before = v;
                    ramie::this_fiber::yield();
                    v = before + 1;
                });
            }));
        carrier.drain();
        CHECK(*rx.borrow() == 5);
    });
}

TEST_CASE("watch: closed() returns when there is no receiver") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::watch(0);
        bool gone = false;
        auto task = ramie::spawn([&] {
            tx.closed();
            gone = true;
        });
        auto copy = rx;
        rx = {};
        carrier.drain();
        CHECK_FALSE(gone);
        copy = {};
        carrier.drain();
        CHECK(gone);
    });
}

TEST_CASE("watch: on_closed is ready when there is no receiver, and leaves the select's other cases when there is one") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::watch(0);
        auto const wait = [&] {
            return ramie::select(ramie::on_closed(tx, [] {}), ramie::on_sleep(1s, [] {}));
        };
        auto slept = ramie::spawn(wait);
        carrier.run();
        CHECK(slept.get() == 1);
        auto closed = ramie::spawn(wait);
        carrier.drain();
        CHECK_FALSE(closed.is_finished());
        rx = {};
        carrier.drain();
        REQUIRE(closed.is_finished());
        CHECK(closed.get() == 0);
        CHECK(wait() == 0);
    });
}

TEST_CASE("watch: try_changed says whether there is news and counts it as seen, and never waits") {
    auto [tx, rx] = ramie::watch(0);
    CHECK(rx.try_changed().error() == channel_error::empty);
    CHECK(tx.send(1));
    CHECK(rx.try_changed());
    CHECK_FALSE(rx.has_changed());
    CHECK(rx.try_changed().error() == channel_error::empty);
    CHECK(tx.send(2));
    tx = {};
    CHECK(rx.try_changed());
    CHECK(rx.try_changed().error() == channel_error::closed);
    CHECK(*rx.borrow() == 2);
}

TEST_CASE("watch: a range gives the latest value each time there is a new one, and ends with the last sender") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::watch(0);
        std::vector<int> got;
        auto task = ramie::spawn([&] {
            for (auto& now : rx) {
                CHECK(now.has_changed());
                got.push_back(*now);
            }
        });
        carrier.drain();
        CHECK(got.empty());  // the first one counts as seen
        CHECK(tx.send(1));
        CHECK(tx.send(2));
        carrier.drain();
        CHECK(got == std::vector{2});
        CHECK(tx.send(3));
        tx = {};
        carrier.drain();
        CHECK(task.is_finished());
        CHECK(got == std::vector{2, 3});
    });
}

TEST_CASE("watch: wait_until_value looks at what is there first, then at what comes") {
    both_ways([](one_thread_carrier& carrier) {
        auto [tx, rx] = ramie::watch(1);
        CHECK(*rx.wait_until_value([](int v) { return v == 1; }).value() == 1);
        int got = 0;
        bool closed = false;
        auto task = ramie::spawn([&] {
            got = *rx.wait_until_value([](int v) { return v > 5; }).value();
            closed = rx.wait_until_value([](int v) { return v > 99; }).error() == channel_error::closed;
        });
        carrier.drain();
        CHECK(tx.send(4));
        carrier.drain();
        CHECK(got == 0);
        CHECK(tx.send(7));
        carrier.drain();
        CHECK(got == 7);
        tx = {};
        carrier.drain();
        CHECK(closed);
    });
}

TEST_CASE("watch: a move-only value can be sent and borrowed") {
    auto [tx, rx] = ramie::watch(std::make_unique<int>(1));
    CHECK(tx.send(std::make_unique<int>(2)));
    CHECK(**rx.borrow() == 2);
}

TEST_CASE("watch: between plain threads the last value arrives") {
    auto [tx, rx] = ramie::watch(0);
    std::thread other([out = std::move(tx)]() mutable {
        for (int i = 1; i <= 500; ++i) CHECK(out.send(i));
    });
    int last = 0;
    while (rx.changed()) {
        int const now = *rx.borrow();
        CHECK(now >= last);
        last = now;
    }
    CHECK(last == 500);
    other.join();
}

namespace {

// Whoever is aborted, who is left sees the last value.
template <bool AbortReceiver>
struct news {
    ramie::watch_receiver<int> rx;
    int sent = 0;
    ramie::join_handle<void> listening, telling;
    ramie::abort_handle victim;
    news() {
        auto [tx, first] = ramie::watch(0);
        rx = std::move(first);
        listening = ramie::spawn([this] {
            while (rx.changed()) {}
        });
        telling = ramie::spawn([this, out = std::move(tx)]() mutable {
            for (int i = 0; i < 3; ++i) {
                out.send_modify([](int& v) { ++v; });
                ++sent;
                ramie::this_fiber::yield();
            }
        });
        victim = AbortReceiver ? listening.abort_handle() : telling.abort_handle();
    }
    void check() {
        CHECK(listening.is_finished());
        CHECK(telling.is_finished());
        CHECK(*rx.borrow() == sent);
        if (AbortReceiver) CHECK(sent == 3);
        while (rx.changed()) {}  // does not wait: the sender has gone
    }
};

}  // namespace

TEST_CASE("watch: an abort at any moment hides no value from who is left") {
    abort_at_each_step<news<true>>();
    abort_at_each_step<news<false>>();
}

TEST_CASE("watch: a receiver that is destroyed while a task waits on it says so") {
    auto rx = std::make_unique<ramie::watch_receiver<int>>();
    ramie::watch_sender<int> tx;
    std::tie(tx, *rx) = ramie::watch(0);
    dies_when_destroyed("watch's receiver", std::move(rx), [](auto& r) { (void)r.changed(); });
}
