// A timeout around each channel, signal and join, and an abort at every moment of it: what was sent is received or
// still there, and what was signalled stays so.
#include "in_a_hurry.hpp"
#include "tracked.hpp"

#include <ramie/barrier.hpp>
#include <ramie/broadcast.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/join_set.hpp>
#include <ramie/latch.hpp>
#include <ramie/notify.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/promise.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

template <bool Bounded>
struct line_of_goods {
    ramie::sender<tracked> tx;
    ramie::receiver<tracked> rx;
    int sent = 0, received = 0, reserved = 0;
    line_of_goods() {
        if constexpr (Bounded) std::tie(tx, rx) = ramie::channel<tracked>(1);
        else std::tie(tx, rx) = ramie::unbounded_channel<tracked>();
    }
    void use(int who) {
        if (who == 0) {
            a_while();
            received += rx.receive().has_value();
        } else if (who == 1) {
            for (int i = 0; i < 2; ++i) sent += tx.send(tracked()).has_value();
        } else {
            if (auto room = tx.reserve()) {
                ramie::this_fiber::yield();
                if (++reserved % 2 == 0) sent += room->send(tracked()).has_value();
            }
            std::vector<tracked> some;
            received += static_cast<int>(rx.receive_many(some, 2));
        }
    }
    void check() {
        while (rx.try_receive()) ++received;
        CHECK(sent == received);
        CHECK(tracked::alive() == 0);
        CHECK(tx.try_send(tracked()));  // no room was lost
    }
};

struct bell {
    ramie::notify rung;
    int calls = 0, heard = 0;
    void use(int who) {
        if (who == 2) {
            a_while();
            ++calls;
            if (calls == 2) rung.notify_all();
            else rung.notify_one();
        } else {
            auto ear = rung.listen();
            if (who == 0) ear.wait();
            else rung.wait();
            ++heard;
        }
    }
    void check() {
        rung.notify_one();  // whatever came before, one permit at the most is kept
        CHECK(rung.wait_for(0ms));
        CHECK_FALSE(rung.wait_for(0ms));
        CHECK(heard <= calls + 2);
    }
};

struct gate_of_three {
    ramie::latch gate{3};
    int come = 0;
    void use(int who) {
        if (who == 1) ramie::this_fiber::sleep_for(300us);
        if (come < 3) {
            ++come;
            gate.count_down();
        }
        gate.wait();
        CHECK(come == 3);
    }
    void check() { CHECK(gate.try_wait() == (come == 3)); }
};

struct meeting {
    int phases = 0, come = 0;
    ramie::barrier<std::function<void()>> place{3, [this] { ++phases; }};
    void use(int) {
        ++come;
        auto token = place.arrive();
        place.wait(std::move(token));
        CHECK(phases >= 1);
    }
    void check() { CHECK(phases == come / 3); }  // a limit does not take the arrival back
};

struct answer {
    ramie::oneshot_sender<tracked> tx;
    ramie::oneshot_receiver<tracked> rx;
    int sent = 0, received = 0;
    answer() { std::tie(tx, rx) = ramie::oneshot<tracked>(); }
    void use(int who) {
        if (who == 0 && sent == 0) {
            a_while();
            sent += tx.send(tracked()).has_value();
        } else if (who == 1) {
            received += rx.receive().has_value();
        }
    }
    void check() {
        received += rx.try_receive().has_value();
        CHECK(sent == received);
        CHECK(tracked::alive() == 0);
    }
};

struct news {
    ramie::broadcast_sender<int> tx;
    ramie::broadcast_receiver<int> rx[2];
    int sent = 0;
    std::uint64_t known[2] = {};
    news() {
        std::tie(tx, rx[0]) = ramie::broadcast<int>(1);
        rx[1] = rx[0].resubscribe();
    }
    void count(int who, ramie::broadcast_receiver<int>::result const& got) {
        known[who] += got ? 1 : got.error().missed;
    }
    void use(int who) {
        if (who < 2) return count(who, rx[who].receive());
        a_while();
        sent += 2;
        (void)tx.send(1);
        (void)tx.send(2);
    }
    void check() {
        for (int who = 0; who < 2; ++who) {
            for (int k = 0; k < 2; ++k) count(who, rx[who].try_receive());
            CHECK(known[who] == static_cast<std::uint64_t>(sent));
        }
    }
};

struct state {
    ramie::watch_sender<int> tx;
    ramie::watch_receiver<int> rx[2];
    int last = 0;
    state() {
        std::tie(tx, rx[0]) = ramie::watch(0);
        rx[1] = rx[0];
    }
    void use(int who) {
        if (who < 2) {
            auto const before = *rx[who].borrow_and_update();
            bool const there = rx[who].changed();
            REQUIRE(there);
            CHECK(*rx[who].borrow() > before);
        } else {
            tx.send_modify([&](int& v) {
                a_while();
                last = ++v;  // published unless this is thrown out of, above
            });
        }
    }
    void check() {
        CHECK(*rx[0].borrow() == last);
        CHECK(tx.send(9));  // the writers' lock is free
    }
};

struct stop {
    ramie::cancellation_token const token, child = token.child_token();
    int heard = 0;
    void use(int who) {
        if (who == 2) return a_while(), token.cancel();
        child.wait();
        CHECK(token.is_cancelled());
        ++heard;
    }
    void check() {
        token.cancel();
        child.wait();
    }
};

struct promised {
    ramie::promise<int> p;
    ramie::shared_future<int> f[2] = {p.get_future().share(), {}};
    bool given = false;
    promised() { f[1] = f[0]; }
    void use(int who) {
        if (who < 2) {
            auto const value = f[who].get();
            CHECK(value == 5);
            return;
        }
        a_while();
        if (!std::exchange(given, true)) p.set_value(5);
    }
    void check() { CHECK((f[0].wait_for(0ms) == ramie::future_status::ready) == given); }
};

// Each task has a child and a set of its own; no result is lost.
struct children {
    ramie::join_handle<tracked> child[3];
    ramie::join_set<tracked> set[3];
    int values[3] = {};
    children() {
        auto const work = [] {
            a_while();
            return tracked();
        };
        for (int who = 0; who < 3; ++who) {
            child[who] = ramie::spawn(work);
            set[who].spawn(work);
        }
    }
    void use(int who) {
        if (child[who].valid()) values[who] += child[who].join().has_value();
        if (auto const next = set[who].join_next()) values[who] += next->has_value();
    }
    void check() {
        for (int who = 0; who < 3; ++who) {
            use(who);  // all have finished: this does not wait
            CHECK(values[who] == 2);
        }
        CHECK(tracked::alive() == 0);
    }
};

}  // namespace

TEST_CASE_TEMPLATE("timeout: around messages, an abort at any moment loses none", Thing, line_of_goods<true>,
                   line_of_goods<false>, answer, news, state) {
    abort_at_each_step<in_a_hurry<Thing>>();
}

TEST_CASE_TEMPLATE("timeout: around signals, an abort at any moment leaves them as they were given", Thing, bell,
                   gate_of_three, meeting, stop, promised) {
    abort_at_each_step<in_a_hurry<Thing>>();
}

TEST_CASE("timeout: around joins, an abort at any moment loses no result") {
    abort_at_each_step<in_a_hurry<children>>();
}
