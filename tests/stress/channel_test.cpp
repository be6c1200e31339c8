// Producers, consumers, aborters, timeouts and selects at random on real workers: every message and every permit is
// accounted for. Counting happens right after an operation, with no suspension point in between, so an abort cannot
// hide one.
#include "random_rounds.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/notify.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/timeout.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

constexpr double alone = 1;  // each case has its second to itself
auto const ignore = [](auto&&...) {};

// Values by number and by sum, so that neither a lost nor a doubled one goes unnoticed.
struct account {
    std::atomic<std::uint64_t> count{0}, sum{0};
    void add(int value) {
        count.fetch_add(1, std::memory_order_relaxed);
        sum.fetch_add(static_cast<std::uint64_t>(value), std::memory_order_relaxed);
    }
    bool operator==(account const& other) const { return count == other.count && sum == other.sum; }
};

template <class T>
void abort_some(chance& dice, std::vector<ramie::join_handle<T>>& tasks) {
    for (auto n = dice.below(4); n > 0; --n) {
        pause_a_little(dice);
        tasks[dice.below(tasks.size())].abort();
    }
}

// --- channels ---

struct traffic {
    account sent, received;
    ramie::notify nudge;
    std::atomic<int> next{1};

    void send_one(chance& dice, ramie::sender<tracked>& tx) {
        tracked value(next.fetch_add(1));
        int const number = value.value;
        bool went = false;
        switch (dice.below(7)) {
            case 0: went = tx.send(std::move(value)).has_value(); break;
            case 1: went = tx.try_send(std::move(value)).has_value(); break;
            case 2: went = tx.send_for(std::move(value), dice.up_to(30us)).has_value(); break;
            case 3:
                if (auto room = tx.reserve()) {
                    pause_a_little(dice);
                    if (!dice.one_in(3)) went = room->send(std::move(value)).has_value();
                }
                break;
            case 4:
                if (auto room = tx.reserve_many(1 + dice.below(tx.capacity()))) {
                    pause_a_little(dice);
                    // Counted at once: an abort may end the pause.
                    if (!dice.one_in(3) && room->send(std::move(value)).has_value()) sent.add(number);
                    pause_a_little(dice);
                }
                break;
            case 5:
                ramie::select(ramie::on_send(tx, value, [&](auto r) { went = r.has_value(); }),
                              ramie::on_sleep(dice.up_to(30us), ignore), ramie::on_notified(nudge, ignore));
                break;
            default:
                (void)ramie::timeout(dice.up_to(30us), [&] { went = tx.send(std::move(value)).has_value(); });
        }
        if (went) sent.add(number);
    }

    // False at the end.
    bool receive_one(chance& dice, ramie::receiver<tracked>& rx) {
        bool over = false;
        auto const take = [&](std::optional<tracked> v) {
            if (v) received.add(v->value);
            else over = true;
        };
        switch (dice.below(5)) {
            case 0: take(rx.receive()); break;
            case 1:
                if (auto v = rx.receive_for(dice.up_to(30us))) received.add(v->value);
                else over = v.error() == ramie::channel_error::closed;
                break;
            case 2:
                ramie::select(ramie::on_receive(rx, take), ramie::on_sleep(dice.up_to(30us), ignore),
                              ramie::on_notified(nudge, ignore));
                break;
            case 3: {
                std::vector<tracked> some;
                over = rx.receive_many(some, 3) == 0;
                for (auto& v : some) received.add(v.value);
                break;
            }
            default: (void)ramie::timeout(dice.up_to(30us), [&] { take(rx.receive()); });
        }
        if (dice.one_in(8)) nudge.notify_one();
        return !over;
    }
};

void channel_round(chance& dice) {
    traffic t;
    auto [tx, rx] = ramie::channel<tracked>(1 + dice.below(3));
    std::vector<ramie::join_handle<void>> tasks;
    auto const producers = 1 + dice.below(4), consumers = dice.below(4), each = 1 + dice.below(60);
    for (std::uint64_t i = 0; i < producers; ++i)
        tasks.push_back(ramie::spawn([&t, each, tx, mine = chance(dice.next())]() mutable {
            for (std::uint64_t k = 0; k < each; ++k) {
                t.send_one(mine, tx);
                pause_a_little(mine);
            }
        }));
    for (std::uint64_t i = 0; i < consumers; ++i)
        tasks.push_back(ramie::spawn([&t, rx, mine = chance(dice.next())]() mutable {
            while (t.receive_one(mine, rx)) pause_a_little(mine);
        }));
    std::thread outside;
    if (dice.one_in(8))
        outside = std::thread([&t, tx, seed = dice.next()]() mutable {
            chance mine(seed);
            for (int k = 0; k < 20; ++k) t.send_one(mine, tx);
        });
    tx = {};
    abort_some(dice, tasks);
    while (auto v = rx.receive()) t.received.add(v->value);  // until the last sender has gone
    for (auto& task : tasks) (void)task.join();
    if (outside.joinable()) outside.join();
    REQUIRE(t.sent == t.received);
}

// --- permits ---

void permit_round(chance& dice) {
    auto const total = 1 + dice.below(4);
    ramie::semaphore gate(total);
    ramie::cancellation_token token;
    std::atomic<std::uint64_t> out{0}, most{0};
    std::vector<ramie::join_handle<void>> tasks;
    for (int i = 0; i < 6; ++i)
        tasks.push_back(ramie::spawn([&, mine = chance(dice.next())]() mutable {
            auto const use = [&](std::expected<ramie::semaphore::permit, ramie::acquire_error> p) {
                if (!p) return;
                auto const now = out.fetch_add(p->count()) + p->count();
                for (auto m = most.load(); m < now && !most.compare_exchange_weak(m, now);) {}
                struct leaving {
                    std::atomic<std::uint64_t>& n;
                    std::size_t count;
                    ~leaving() { n -= count; }
                } const l{out, p->count()};  // before the permit goes back
                pause_a_little(mine);
            };
            for (int k = 0; k < 30; ++k) {
                auto const want = static_cast<std::size_t>(1 + mine.below(total));
                switch (mine.below(4)) {
                    case 0: use(gate.acquire(want)); break;
                    case 1: use(gate.acquire_for(mine.up_to(30us), want)); break;
                    case 2: use(gate.try_acquire(want)); break;
                    default:
                        ramie::select(ramie::on_acquire(gate, want, use), ramie::on_sleep(mine.up_to(30us), ignore),
                                      ramie::on_acquire(gate, 1, use), ramie::on_cancelled(token, ignore));
                }
            }
        }));
    abort_some(dice, tasks);
    if (dice.one_in(2)) token.cancel();
    for (auto& t : tasks) (void)t.join();
    REQUIRE(gate.available() == total);
    REQUIRE(most <= total);
}

// --- selects that could serve each other ---

void crossing_round(chance& dice) {
    account sent, received;
    auto [a_tx, a_rx] = ramie::channel<int>(1);
    auto [b_tx, b_rx] = ramie::channel<int>(1);
    ramie::cancellation_token token;
    std::vector<ramie::join_handle<void>> tasks;
    for (int i = 0; i < 4; ++i) {
        auto& tx = i % 2 == 0 ? a_tx : b_tx;
        auto& rx = i % 2 == 0 ? b_rx : a_rx;
        tasks.push_back(ramie::spawn([&, tx, rx, i]() mutable {
            auto helper = ramie::spawn([] { ramie::this_fiber::yield(); });
            for (int k = 1; k <= 50 && !token.is_cancelled(); ++k) {
                int value = i * 1000 + k;
                int const number = value;
                auto const take = [&](std::optional<int> v) {
                    if (v) received.add(*v);
                };
                auto const gave = [&](auto r) {
                    if (r) sent.add(number);
                };
                if (helper.valid())
                    ramie::select(ramie::on_send(tx, value, gave), ramie::on_receive(rx, take), ramie::on_join(helper, ignore),
                                  ramie::on_cancelled(token, ignore));
                else
                    ramie::select(ramie::on_send(tx, value, gave), ramie::on_receive(rx, take),
                                  ramie::on_cancelled(token, ignore), ramie::on_sleep(100us, ignore));
            }
        }));
    }
    abort_some(dice, tasks);
    if (dice.one_in(2)) pause_a_little(dice);
    token.cancel();
    for (auto& t : tasks) (void)t.join();
    for (auto* rx : {&a_rx, &b_rx})
        while (auto v = rx->try_receive()) received.add(*v);
    REQUIRE(sent == received);
}

// --- oneshot, broadcast, watch ---

void answer_round(chance& dice) {
    auto [tx, rx] = ramie::oneshot<tracked>();
    std::atomic<int> received{0};
    auto asking = ramie::spawn([&, mine = chance(dice.next())]() mutable {
        for (;;) {
            bool over = false;
            auto const take = [&](std::expected<tracked, ramie::channel_error> v) {
                received += v.has_value();
                over = v || v.error() == ramie::channel_error::closed;
            };
            if (mine.one_in(2)) take(rx.receive_for(mine.up_to(20us)));
            else ramie::select(ramie::on_receive(rx, take), ramie::on_sleep(mine.up_to(20us), ignore));
            if (over) return;
        }
    });
    auto answering = ramie::spawn([out = std::move(tx), mine = chance(dice.next())]() mutable {
        pause_a_little(mine);
        return !mine.one_in(4) && out.send(tracked(1)).has_value();
    });
    pause_a_little(dice);
    if (dice.one_in(3)) asking.abort();
    if (dice.one_in(3)) answering.abort();
    (void)asking.join();
    auto const sent = answering.join().value_or(false);
    received += rx.try_receive().has_value();
    REQUIRE(received == sent);
}

void news_round(chance& dice) {
    auto [tx, rx] = ramie::broadcast<int>(1 + dice.below(8));
    auto [state_tx, state_rx] = ramie::watch(0);
    std::vector<ramie::join_handle<std::pair<std::uint64_t, int>>> tasks;
    auto const total = 1 + dice.below(100);
    for (int i = 0; i < 3; ++i)
        tasks.push_back(ramie::spawn([in = rx.resubscribe(), state = state_rx, mine = chance(dice.next())]() mutable {
            std::uint64_t known = 0;
            for (bool over = false; !over;) {
                ramie::select(ramie::on_receive(in, [&](std::expected<int, ramie::broadcast_error> v) {
                                  if (v) ++known;
                                  else if (v.error().is_lagged()) known += v.error().missed;
                                  else over = true;
                              }),
                              ramie::on_sleep(mine.up_to(30us), ignore));
            }
            while (state.changed()) pause_a_little(mine);
            return std::pair(known, *state.borrow());
        }));
    rx = {};
    state_rx = {};
    auto const victim = dice.below(6);
    for (std::uint64_t k = 1; k <= total; ++k) {
        (void)tx.send(static_cast<int>(k));
        state_tx.send_modify([](int& v) { ++v; });
        pause_a_little(dice);
        if (victim < tasks.size() && k == total / 2) tasks[victim].abort();
    }
    tx = {};
    state_tx = {};
    for (auto& t : tasks) {
        auto const end = t.join();
        if (end) REQUIRE(end->first == total);
        if (end) REQUIRE(end->second == static_cast<int>(total));
    }
}

}  // namespace

TEST_CASE("stress: channels conserve every message, through aborts, timeouts, permits and selects") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, channel_round);
}
TEST_CASE("stress: semaphores conserve every permit") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, permit_round);
}
TEST_CASE("stress: selects that send to and receive from each other conserve every message") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, crossing_round);
}
TEST_CASE("stress: a oneshot's value is received once or still there") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, answer_round);
}
TEST_CASE("stress: a broadcast's values are received or counted as missed, and a watch's last one arrives") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, news_round);
}
