// An abort at every moment of tasks that select among everything there is: only a winning case took effect, so that
// every message and permit can be accounted for.
#include "abort_at_each.hpp"
#include "tracked.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/join_set.hpp>
#include <ramie/notify.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/select.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <tuple>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

auto const ignore = [](auto&&...) {};

struct leaving {
    int& n;
    ~leaving() { --n; }
};

// Two traders who send to each other, receive from each other, and share one stall. A crier
// calls, and closes the market.
template <std::size_t Victim>
struct market {
    ramie::sender<tracked> tx[2];
    ramie::receiver<tracked> rx[2];
    ramie::semaphore stalls{1};
    ramie::notify call;
    ramie::cancellation_token closing;
    int sent = 0, received = 0, held = 0, calls = 0, heard = 0, pauses = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    market() {
        for (std::size_t i = 0; i < 2; ++i) std::tie(tx[i], rx[i]) = ramie::channel<tracked>(1);
        for (std::size_t i = 0; i < 2; ++i)
            tasks.push_back(ramie::spawn([this, out = tx[i], in = rx[1 - i]]() mutable {
                bool open = true;
                while (open && pauses < 6) {
                    tracked goods;
                    ramie::select(
                        ramie::on_send(out, goods, [&](auto went) { sent += went.has_value(); }),
                        ramie::on_receive(in, [&](std::optional<tracked> got) { received += got.has_value(); }),
                        ramie::on_acquire(stalls, 1, [&](auto stall) {
                            REQUIRE(stall);
                            CHECK(++held == 1);
                            leaving const afterwards{held};
                            ramie::this_fiber::yield();
                        }),
                        ramie::on_notified(call, [&] { ++heard; }), ramie::on_cancelled(closing, [&] { open = false; }),
                        ramie::on_sleep(1ms, ignore));
                    if (++pauses % 3 == 0) ramie::this_fiber::sleep_for(500us);
                }
            }));
        tasks.push_back(ramie::spawn([this, evening = closing.drop_guard()] {
            for (; calls < 3; ++calls) {
                call.notify_one();
                ramie::this_fiber::yield();
            }
            ramie::this_fiber::sleep_for(2ms);
        }));
        victim = tasks[Victim].abort_handle();
    }
    void check() {
        for (auto& t : tasks) CHECK(t.is_finished());
        CHECK(closing.is_cancelled());
        CHECK(sent == received + static_cast<int>(rx[0].size() + rx[1].size()));
        CHECK(tracked::alive() == sent - received);
        CHECK(held == 0);
        CHECK(stalls.available() == 1);
        CHECK(heard <= calls + 1);
    }
};

// Two who wait for anything, and one who gives one thing at a time: room, a value, a permit, a call. Each is taken by
// one of them, or is still there.
template <std::size_t Victim>
struct scarcity {
    ramie::sender<tracked> full, more;
    ramie::receiver<tracked> stock, empty;
    ramie::semaphore permits{0};
    ramie::notify call;
    ramie::cancellation_token closing;
    int sent = 0, room = 0, put = 0, received = 0, released = 0, acquired = 0, called = 0, heard = 0;
    std::vector<ramie::join_handle<void>> tasks;
    ramie::abort_handle victim;

    scarcity() {
        std::tie(full, stock) = ramie::channel<tracked>(1);
        std::tie(more, empty) = ramie::channel<tracked>(1);
        REQUIRE(full.try_send(tracked()));
        for (int i = 0; i < 2; ++i)
            tasks.push_back(ramie::spawn([this, out = full, in = empty]() mutable {
                bool open = true;
                while (open) {
                    tracked goods;
                    ramie::select(
                        ramie::on_send(out, goods, [&](auto went) { sent += went.has_value(); }),
                        ramie::on_receive(in, [&](std::optional<tracked> got) { received += got.has_value(); }),
                        ramie::on_acquire(permits, 1, [&](auto permit) {
                            permit->forget();
                            ++acquired;
                        }),
                        ramie::on_notified(call, [&] { ++heard; }),
                        ramie::on_cancelled(closing, [&] { open = false; }));
                }
            }));
        tasks.push_back(ramie::spawn([this, end = closing.drop_guard()] {
            for (int round = 0; round < 2; ++round) {
                ramie::this_fiber::sleep_for(1ms);
                room += stock.try_receive().has_value();
                ramie::this_fiber::sleep_for(1ms);
                put += more.try_send(tracked()).has_value();
                ramie::this_fiber::yield();
                permits.release();
                ++released;
                ramie::this_fiber::sleep_for(1ms);
                call.notify_one();
                ++called;
            }
        }));
        victim = tasks[Victim].abort_handle();
    }
    void check() {
        for (auto& t : tasks) CHECK(t.is_finished());
        CHECK(1 + sent == room + static_cast<int>(stock.size()));
        CHECK(put == received + static_cast<int>(empty.size()));
        CHECK(released == acquired + static_cast<int>(permits.available()));
        CHECK(called == heard + call.wait_for(0ms));
        if (Victim < 2) {  // who is left took it all
            CHECK(stock.size() == 1);
            CHECK(empty.size() == 0);
            CHECK(released == acquired);
            CHECK(called == heard);
        }
    }
};

// What comes once: an answer, a task's end, a set's next, a broadcast. The chooser takes each by a select with a limit.
struct answers {
    ramie::oneshot_receiver<tracked> answer;
    ramie::broadcast_receiver<int> news;
    ramie::join_handle<tracked> task;
    ramie::join_set<tracked> set;
    int taken[4] = {};
    ramie::join_handle<void> chooser, giver;
    ramie::abort_handle victim;

    answers() {
        auto [answer_tx, answer_rx] = ramie::oneshot<tracked>();
        auto [news_tx, news_rx] = ramie::broadcast<int>(4);
        answer = std::move(answer_rx);
        news = std::move(news_rx);
        auto const slowly = [] {
            ramie::this_fiber::sleep_for(1ms);
            return tracked();
        };
        task = ramie::spawn(slowly);
        set.spawn(slowly);
        chooser = ramie::spawn([this] {
            for (int k = 0; k < 12; ++k) {
                auto const take_answer = [this](auto got) { taken[0] += got.has_value(); };
                auto const take_news = [this](auto got) { taken[1] += got.has_value(); };
                auto const take_value = [this](auto got) { taken[2] += got.has_value(); };
                auto const take_next = [this](auto got) { taken[3] += got.has_value(); };
                auto const pause = ramie::on_sleep(300us, ignore);
                if (taken[0] == 0)
                    ramie::select(ramie::on_receive(answer, take_answer), ramie::on_receive(news, take_news), pause);
                else if (task.valid())
                    ramie::select_biased(ramie::on_receive(news, take_news),
                                         ramie::on_join(task, take_value), pause);
                else if (!set.empty())
                    ramie::select(ramie::on_join_next(set, take_next), ramie::on_receive(news, take_news), pause);
                else
                    ramie::select(ramie::on_receive(news, take_news), pause);
            }
        });
        giver = ramie::spawn([tx = std::move(answer_tx), to_all = std::move(news_tx)]() mutable {
            ramie::this_fiber::yield();
            REQUIRE(tx.send(tracked()));
            ramie::this_fiber::sleep_for(1ms);
            REQUIRE(to_all.send(1));
            ramie::this_fiber::sleep_for(1s);  // nobody is told that it is over
        });
        victim = chooser.abort_handle();
    }
    void check() {
        CHECK(chooser.is_finished());
        taken[0] += answer.try_receive().has_value();
        taken[1] += news.try_receive().has_value();
        if (task.valid()) taken[2] += task.join().has_value();
        if (auto const next = set.try_join_next()) taken[3] += next->has_value();
        for (int const n : taken) CHECK(n == 1);
        CHECK(tracked::alive() == 0);
    }
};

}  // namespace

TEST_CASE("select: an abort of anybody at any moment loses no message, permit or call") {
    abort_at_each_step<market<0>>();
    abort_at_each_step<market<1>>();
    abort_at_each_step<market<2>>();
}

TEST_CASE("select: an abort of anybody at any moment leaves what was given to who still waits") {
    abort_at_each_step<scarcity<0>>();
    abort_at_each_step<scarcity<1>>();
    abort_at_each_step<scarcity<2>>();
}

TEST_CASE("select: an abort at any moment leaves what comes only once to be taken later") {
    abort_at_each_step<answers>();
}
