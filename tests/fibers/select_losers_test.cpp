// Only the winner of a select takes effect: every pairing of cases that become ready at the same moment.
#include "both_ways.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel_cases.hpp>
#include <ramie/join_case.hpp>
#include <ramie/notify_case.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/semaphore_case.hpp>
#include <ramie/spawn.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <tuple>
#include <type_traits>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// A thing to select on. fire() makes it ready, from outside; won() is called by its handler; intact() says, when all is over,
// that what fire() gave is still there for the next one.
struct receives {
    std::pair<ramie::sender<int>, ramie::receiver<int>> ends = ramie::channel<int>(1);
    int taken = 0;
    auto as_case() {
        return ramie::on_receive(ends.second, [this](std::optional<int> v) { taken += v.value(); });
    }
    void fire(one_thread_carrier&) { CHECK(ends.first.try_send(1)); }
    bool won() const { return taken == 1; }
    bool intact() { return taken == 0 && ends.second.try_receive() == 1; }
};

struct sends {
    std::pair<ramie::sender<std::unique_ptr<int>>, ramie::receiver<std::unique_ptr<int>>> ends =
        ramie::channel<std::unique_ptr<int>>(1);
    std::unique_ptr<int> value = std::make_unique<int>(5);
    bool sent = false;
    sends() { CHECK(ends.first.try_send(nullptr)); }
    auto as_case() {
        return ramie::on_send(ends.first, value, [this](std::expected<void, ramie::channel_error> r) { sent = r.has_value(); });
    }
    void fire(one_thread_carrier&) { CHECK(ends.second.try_receive() == nullptr); }
    bool won() { return sent && !value && ends.second.size() == 1; }
    bool intact() { return !sent && value && ends.second.size() == 0 && ends.first.try_reserve(); }
};

struct joins {
    ramie::notify end;
    ramie::join_handle<int> handle = ramie::spawn([this] {
        end.wait();
        return 3;
    });
    int result = 0;
    auto as_case() {
        return ramie::on_join(handle, [this](std::expected<int, ramie::join_error> r) { result = r.value(); });
    }
    void fire(one_thread_carrier&) { end.notify_one(); }
    bool won() const { return result == 3 && !handle.valid(); }
    bool intact() { return result == 0 && handle.valid() && handle.is_finished() && handle.get() == 3; }
};

struct is_notified {
    ramie::notify signal;
    bool heard = false;
    auto as_case() {
        return ramie::on_notified(signal, [this] { heard = true; });
    }
    void fire(one_thread_carrier&) { signal.notify_one(); }
    bool won() { return heard && !signal.wait_for(0ms); }
    bool intact() { return !heard && signal.wait_for(0ms); }
};

struct acquires {
    ramie::semaphore gate{1};
    ramie::semaphore::permit got;
    auto as_case() {
        return ramie::on_acquire(gate, 2, [this](auto p) { got = std::move(p.value()); });
    }
    void fire(one_thread_carrier&) { gate.release(); }
    bool won() const { return got.count() == 2 && gate.available() == 0; }
    bool intact() const { return got.count() == 0 && gate.available() == 2; }
};

struct hears_cancel {
    ramie::cancellation_token token;
    bool heard = false;
    auto as_case() {
        return ramie::on_cancelled(token, [this] { heard = true; });
    }
    void fire(one_thread_carrier&) { token.cancel(); }
    bool won() const { return heard; }
    bool intact() const { return !heard && token.is_cancelled(); }
};

struct sleeps {
    bool over = false;
    auto as_case() {
        return ramie::on_sleep(1ms, [this] { over = true; });
    }
    void fire(one_thread_carrier& carrier) { carrier.advance(1ms); }
    bool won() const { return over; }
    bool intact() const { return !over; }
};

struct receives_oneshot {
    std::pair<ramie::oneshot_sender<int>, ramie::oneshot_receiver<int>> ends = ramie::oneshot<int>();
    int taken = 0;
    auto as_case() {
        return ramie::on_receive(ends.second, [this](std::expected<int, ramie::channel_error> v) { taken += v.value(); });
    }
    void fire(one_thread_carrier&) { CHECK(ends.first.send(1)); }
    bool won() { return taken == 1 && !ends.second.try_receive(); }
    bool intact() { return taken == 0 && ends.second.try_receive() == 1; }
};

struct sees_change {
    std::pair<ramie::watch_sender<int>, ramie::watch_receiver<int>> ends = ramie::watch(0);
    bool seen = false;
    auto as_case() {
        return ramie::on_changed(ends.second, [this](bool news) { seen = news; });
    }
    void fire(one_thread_carrier&) { CHECK(ends.first.send(1)); }
    bool won() { return seen && !ends.second.has_changed(); }
    bool intact() { return !seen && ends.second.has_changed(); }
};

struct receives_broadcast {
    std::pair<ramie::broadcast_sender<int>, ramie::broadcast_receiver<int>> ends = ramie::broadcast<int>(2);
    int taken = 0;
    auto as_case() {
        return ramie::on_receive(ends.second, [this](std::expected<int, ramie::broadcast_error> v) { taken += v.value(); });
    }
    void fire(one_thread_carrier&) { CHECK(ends.first.send(1)); }
    bool won() { return taken == 1 && ends.second.size() == 0; }
    bool intact() { return taken == 0 && ends.second.try_receive() == 1; }
};

using all = std::tuple<receives, sends, joins, is_notified, acquires, hears_cancel, sleeps, receives_oneshot, sees_change,
                       receives_broadcast>;

// Both are fired before the select runs on. `waiting`: it is parked when they are; otherwise it finds both ready.
template <class A, class B>
void pair_up(one_thread_carrier& carrier, bool waiting, bool b_first) {
    A a;
    B b;
    carrier.drain();
    auto const start = [&] {
        return ramie::spawn([&, x = a.as_case(), y = b.as_case()]() mutable { return ramie::select(std::move(x), std::move(y)); });
    };
    ramie::join_handle<std::size_t> task;
    if (waiting) {
        task = start();
        carrier.drain();
        REQUIRE_FALSE(task.is_finished());
    }
    // A sleep's clock starts when the case is made.
    else if constexpr (std::is_same_v<A, sleeps> || std::is_same_v<B, sleeps>) task = start();
    if (b_first) b.fire(carrier);
    a.fire(carrier);
    if (!b_first) b.fire(carrier);
    if (!task.valid()) {
        carrier.drain();
        task = start();
    }
    carrier.drain();
    REQUIRE(task.is_finished());
    auto const winner = task.get();
    CHECK((winner == 0 ? a.won() : a.intact()));
    CHECK((winner == 1 ? b.won() : b.intact()));
}

template <class A, std::size_t... J>
void with_each(one_thread_carrier& carrier, std::index_sequence<J...>) {
    for (bool const waiting : {false, true})
        for (bool const b_first : {false, true})
            (
                [&] {
                    CAPTURE(waiting);
                    CAPTURE(b_first);
                    CAPTURE(J);
                    pair_up<A, std::tuple_element_t<J, all>>(carrier, waiting, b_first);
                }(),
                ...);
}

}  // namespace

TEST_CASE_TEMPLATE("select: of two cases that become ready together one takes effect, the other keeps nothing", A, receives, sends,
                   joins, is_notified, acquires, hears_cancel, sleeps, receives_oneshot, sees_change, receives_broadcast) {
    both_ways([](one_thread_carrier& carrier) {
        for (int round = 0; round < 4; ++round)  // different orders of looking at the cases
            with_each<A>(carrier, std::make_index_sequence<std::tuple_size_v<all>>());
    });
}
