// Plain threads on one side, fibers of several workers on the other, which are aborted and run out of time: what is
// sent is received or still there, and whoever waits is woken.
#include "random_rounds.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/channel.hpp>
#include <ramie/notify.hpp>
#include <ramie/once_cell.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/promise.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

constexpr double alone = 1;

// The plain side of a round. The root task waits for it as fibers do, so that its worker goes on meanwhile.
class plain_threads {
  public:
    plain_threads() = default;
    plain_threads(plain_threads const&) = delete;
    plain_threads& operator=(plain_threads const&) = delete;
    ~plain_threads() {
        for (auto& t : threads_)
            if (t.joinable()) t.join();
    }
    template <class F>
    void add(chance& dice, F work) {
        threads_.emplace_back([this, work = std::move(work), own = chance(dice.next())]() mutable {
            try {
                work(own);
            } catch (...) {
                failed_ = true;
            }
            over_.release();
        });
    }
    void join() {
        auto const all = over_.acquire(threads_.size());
        for (auto& t : threads_) t.join();
        require(!failed_, "what a plain thread saw is wrong");
    }

  private:
    std::vector<std::thread> threads_;
    ramie::semaphore over_{0};
    std::atomic<bool> failed_{false};
};

template <class F>
void as_fiber(chance& dice, std::vector<ramie::join_handle<void>>& fibers, F work) {
    fibers.push_back(ramie::spawn([mine = std::move(work), own = chance(dice.next())]() mutable { mine(own); }));
}

// --- channels ---

struct goods {
    std::atomic<int> sent{0}, received{0};

    void send(chance& dice, ramie::sender<tracked> tx) {
        for (int k = 0; k < 30; ++k) {
            if (dice.one_in(3)) sent += tx.send_for(tracked(), dice.up_to(30us)).has_value();
            else if (dice.one_in(3)) sent += tx.try_send(tracked()).has_value();
            else sent += tx.send(tracked()).has_value();
            pause_a_little(dice);
        }
    }
    void receive(chance& dice, ramie::receiver<tracked> rx) {
        for (bool over = false; !over;) {
            if (dice.one_in(2)) {
                auto const got = rx.receive_for(dice.up_to(30us));
                received += got.has_value();
                over = !got && got.error() == ramie::channel_error::closed;
            } else {
                bool const got = rx.receive().has_value();
                received += got;
                over = !got;
            }
        }
    }
};

void channel_round(chance& dice) {
    goods g;
    bool const threads_send = dice.one_in(2);
    auto [tx, rx] = dice.one_in(3) ? ramie::unbounded_channel<tracked>() : ramie::channel<tracked>(1 + dice.below(3));
    auto const sends = [&g, out = tx](chance& own) { g.send(own, out); };
    auto const receives = [&g, in = rx](chance& own) { g.receive(own, in); };
    plain_threads threads;
    crowd fibers;
    if (threads_send) {
        // One that is not aborted, so that the threads come to their end.
        auto rest = ramie::spawn([&g, in = rx]() mutable {
            while (in.receive()) ++g.received;
        });
        for (int i = 0; i < 2; ++i) threads.add(dice, sends);
        fibers.add(3, dice, receives);
        fibers.abort_some(dice);
        threads.join();
        tx.close();
        fibers.join();
        rest.get();
    } else {
        for (int i = 0; i < 2; ++i) threads.add(dice, receives);
        fibers.add(3, dice, sends);
        fibers.abort_some(dice);
        fibers.join();
        tx.close();
        threads.join();
    }
    while (rx.try_receive()) ++g.received;
    require(g.sent == g.received, "a message was lost or doubled");
}

// --- oneshot, promise ---

void answer_round(chance& dice) {
    constexpr int questions = 4;
    std::vector<ramie::oneshot_receiver<tracked>> in(questions);
    std::vector<ramie::future<int>> promised(questions);
    std::atomic<int> sent{0}, received{0};
    plain_threads threads;
    std::vector<ramie::join_handle<void>> fibers;
    for (std::size_t k = 0; k < questions; ++k) {
        ramie::oneshot_sender<tracked> out;
        std::tie(out, in[k]) = ramie::oneshot<tracked>();
        ramie::promise<int> word;
        promised[k] = word.get_future();
        auto ask = [&received, &from = in[k], &f = promised[k]](chance& own) {
            for (;;) {
                auto const got = own.one_in(2) ? from.receive_for(own.up_to(30us)) : from.receive();
                received += got.has_value();
                if (got || got.error() == ramie::channel_error::closed) break;
            }
            while (f.wait_for(own.up_to(30us)) != ramie::future_status::ready) {}
        };
        auto answer = [&sent, to = std::move(out), p = std::move(word)](chance& own) mutable {
            pause_a_little(own);
            if (own.one_in(4)) to = {};
            else sent += to.send(tracked()).has_value();
            pause_a_little(own);
            if (!own.one_in(4)) p.set_value(1);
        };
        if (dice.one_in(2)) {
            threads.add(dice, std::move(ask));
            as_fiber(dice, fibers, std::move(answer));
        } else {
            as_fiber(dice, fibers, std::move(ask));
            threads.add(dice, std::move(answer));
        }
    }
    for (auto n = dice.below(3); n > 0; --n) {
        pause_a_little(dice);
        fibers[dice.below(fibers.size())].abort();
    }
    threads.join();
    for (auto& f : fibers) (void)f.join();
    for (auto& rx : in) received += rx.try_receive().has_value();
    require(sent == received, "an answer was lost or doubled");
    for (auto const& f : promised)
        require(f.wait_for(0us) == ramie::future_status::ready, "a promise is neither kept nor broken");
}

// --- broadcast, watch ---

void news_round(chance& dice) {
    auto [tx, rx] = ramie::broadcast<int>(1 + dice.below(4));
    auto [state_tx, state_rx] = ramie::watch(0);
    std::atomic<int> told{0}, last{0};
    auto tell = [&told, &last, out = std::move(tx), state = std::move(state_tx)](chance& own) mutable {
        for (int k = 1; k <= 40; ++k) {
            told += out.send(k).has_value();
            state.send_modify([k](int& v) { v = k; });
            last = k;
            pause_a_little(own);
        }
    };
    auto const listener = [&, from = &rx, of = &state_rx] {
        return [&told, &last, in = from->resubscribe(), state = *of](chance& own) mutable {
            int known = 0;
            for (bool over = false; !over;) {
                auto const got = own.one_in(2) ? in.receive() : in.receive_for(own.up_to(30us));
                if (got) ++known;
                else if (got.error().is_lagged()) known += static_cast<int>(got.error().missed);
                else over = got.error().is_closed();
            }
            while (state.changed()) pause_a_little(own);
            require(known == told, "a value was neither received nor missed");
            require(*state.borrow() == last, "the last value did not arrive");
        };
    };
    plain_threads threads;
    std::vector<ramie::join_handle<void>> fibers;
    threads.add(dice, listener());
    as_fiber(dice, fibers, listener());
    as_fiber(dice, fibers, listener());
    if (dice.one_in(2)) as_fiber(dice, fibers, std::move(tell));
    else threads.add(dice, std::move(tell));
    for (auto n = dice.below(3); n > 0; --n) {
        pause_a_little(dice);
        fibers[dice.below(fibers.size())].abort();
    }
    threads.join();
    for (auto& f : fibers) {
        auto const end = f.join();
        if (!end && !end.error().is_cancelled()) end.error().rethrow();
    }
}

// --- notify, once_cell ---

void stage_round(chance& dice) {
    constexpr int stages = 10;
    ramie::once_cell<tracked> scenery;
    std::atomic<int> made{0}, stage{0};
    ramie::notify changed;
    auto const follow = [&](chance& own) {
        for (bool there = false; !there;) {
            try {
                (void)scenery.get_or_init([&] {
                    pause_a_little(own);
                    if (own.one_in(3)) throw 1;
                    ++made;
                    return tracked();
                });
                there = true;
            } catch (int) {
            }
        }
        for (;;) {
            auto heard = changed.listen();
            if (stage >= stages) break;
            pause_a_little(own);  // what comes meanwhile is heard by the wait
            if (own.one_in(2)) heard.wait();
            else (void)heard.wait_for(own.up_to(30us));
        }
    };
    auto const lead = [&](chance& own) {
        while (stage < stages) {
            ++stage;
            changed.notify_all();
            pause_a_little(own);
        }
    };
    plain_threads threads;
    crowd fibers;
    threads.add(dice, follow);
    fibers.add(4, dice, follow);
    if (dice.one_in(2)) threads.add(dice, lead);
    fibers.abort_some(dice);
    lead(dice);
    threads.join();  // a notification that were lost would hang here
    fibers.join();
    require(made == 1, "what is made once was made more or less often");
}

}  // namespace

TEST_CASE("stress: channels between plain threads and fibers conserve every message") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, channel_round);
}
TEST_CASE("stress: oneshots and promises between plain threads and fibers are answered or closed") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, answer_round);
}
TEST_CASE("stress: broadcasts and watches between plain threads and fibers tell all, or how many were missed") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, news_round);
}
TEST_CASE("stress: notify_all reaches plain threads and fibers that listen, and a once_cell is made once for all") {
    RAMIE_CAPTURE_SEED();
    on_all_worker_counts(alone, stage_round);
}
