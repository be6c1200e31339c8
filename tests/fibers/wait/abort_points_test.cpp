// An abort at every moment of a scenario that uses mutex, condition_variable, notify, sleep and join: whoever is hit,
// and wherever, the others finish, nothing is lost and nothing is left.
#include "both_ways.hpp"
#include "tracked.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

// A bounded buffer as the textbooks have it.
class buffer {
  public:
    void put(tracked item) {
        std::unique_lock lock(m_);
        not_full_.wait(lock, [&] { return items_.size() < 2; });
        items_.push_back(std::move(item));
        not_empty_.notify_one();
    }
    // Nothing: closed and empty.
    std::optional<tracked> take() {
        std::unique_lock lock(m_);
        not_empty_.wait(lock, [&] { return !items_.empty() || closed_; });
        if (items_.empty()) return std::nullopt;
        std::optional<tracked> item(std::move(items_.front()));
        items_.pop_front();
        not_full_.notify_one();
        return item;
    }
    void close() {
        closed_ = true;
        not_empty_.notify_all();
    }
    bool is_free_and_empty() { return m_.try_lock() && (m_.unlock(), items_.empty()); }

  private:
    ramie::mutex m_;
    ramie::condition_variable not_full_, not_empty_;
    std::deque<tracked> items_;
    bool closed_ = false;
};

// Two producers and two consumers, each sent off by a starter, which then joins them.
class scenario {
  public:
    static constexpr std::size_t tasks = 5;

    scenario() {
        // Goes with the last producer's callable, whether that ran or not.
        std::shared_ptr<void> const producing(nullptr, [this](void*) { shared_.close(); });
        for (std::size_t i = 0; i < 2; ++i) {
            workers_.push_back(ramie::spawn([this, i, producing] {
                go_[i].wait();
                for (int n = 0; n < 3; ++n) {
                    shared_.put(tracked(n));
                    ++produced_;
                    ramie::this_fiber::sleep_for(1ms);
                }
            }));
        }
        for (std::size_t i = 2; i < 4; ++i) {
            workers_.push_back(ramie::spawn([this, i] {
                go_[i].wait();
                while (auto const item = shared_.take()) {
                    ++consumed_;
                    ramie::this_fiber::yield();
                }
            }));
        }
        for (auto& w : workers_) stops_.push_back(w.abort_handle());
        starter_ = ramie::spawn([this, all = all_go{go_}]() mutable {
            for (auto& g : go_) {
                ramie::this_fiber::yield();
                g.notify_one();
            }
            for (auto& w : workers_) (void)w.join();
        });
        stops_.push_back(starter_.abort_handle());
    }

    ramie::abort_handle const& stop(std::size_t i) const { return stops_[i]; }

    void check(std::size_t victim) {
        for (auto const& s : stops_) CHECK(s.is_finished());
        for (std::size_t i = 0; i < workers_.size(); ++i)
            if (workers_[i].valid() && i != victim) CHECK(workers_[i].join().has_value());
        CHECK(consumed_ == produced_);
        CHECK(produced_ >= 3);
        CHECK(shared_.is_free_and_empty());
        CHECK(tracked::alive() == 0);
    }

  private:
    // What the starter did not do, it does at its end.
    struct all_go {
        std::array<ramie::notify, 4>& signals;
        bool owner = true;
        explicit all_go(std::array<ramie::notify, 4>& s) : signals(s) {}
        all_go(all_go&& other) noexcept : signals(other.signals), owner(std::exchange(other.owner, false)) {}
        ~all_go() {
            if (owner)
                for (auto& s : signals) s.notify_one();
        }
    };

    buffer shared_;
    std::array<ramie::notify, 4> go_;
    int produced_ = 0, consumed_ = 0;
    std::vector<ramie::join_handle<void>> workers_;
    ramie::join_handle<void> starter_;
    std::vector<ramie::abort_handle> stops_;
};

}  // namespace

TEST_CASE("abort points: after any number of the carrier's steps, whoever is aborted, the others finish their work") {
    for (std::size_t victim = 0; victim < scenario::tasks; ++victim) {
        CAPTURE(victim);
        bool over = false;
        int n = 0;
        for (; !over; ++n) {
            CAPTURE(n);
            one_thread_carrier carrier;
            {
                scenario s;
                for (int i = 0; i < n; ++i) {
                    if (!carrier.step()) carrier.advance(1ms);
                }
                over = s.stop(victim).is_finished();
                s.stop(victim).abort();
                carrier.run();
                s.check(victim);
            }
            CHECK(carrier.live() == 0);
            CHECK(carrier.armed() == 0);
        }
        CHECK(n > 8);
    }
}

TEST_CASE("abort points: by a task that takes its turn among the others, in both ways of switching") {
    for (std::size_t victim = 0; victim < scenario::tasks; ++victim) {
        CAPTURE(victim);
        for (bool const aborter_first : {true, false}) {
            CAPTURE(aborter_first);
            both_ways([&](one_thread_carrier& carrier) {
                bool over = false;
                int n = 0;
                for (; !over; ++n) {
                    CAPTURE(n);
                    std::optional<scenario> s;
                    if (!aborter_first) s.emplace();
                    auto aborter = ramie::spawn([&] {
                        for (int i = 0; i < n; ++i) {
                            if (i % 5 == 4) ramie::this_fiber::sleep_for(300us);
                            else ramie::this_fiber::yield();
                        }
                        over = s->stop(victim).is_finished();
                        s->stop(victim).abort();
                    });
                    if (aborter_first) s.emplace();
                    carrier.run();
                    aborter.get();
                    s->check(victim);
                    s.reset();
                }
                CHECK(n > 8);
            });
        }
    }
}

TEST_CASE("abort points: each suspension of a single task, one after the other") {
    both_ways([](one_thread_carrier& carrier) {
        // Aborted in its n-th wait, the task gets no further than that.
        constexpr int waits = 20;
        for (int n = 0; n <= waits; ++n) {
            CAPTURE(n);
            int done = 0;
            ramie::notify signal;
            auto task = ramie::spawn([&] {
                tracked const local;
                for (; done < waits; ++done) signal.wait();
            });
            carrier.drain();
            for (int i = 0; i < n; ++i) {
                signal.notify_one();
                carrier.drain();
            }
            task.abort();
            carrier.drain();
            CHECK(done == n);
            CHECK(task.join().has_value() == (n == waits));
            CHECK(tracked::alive() == 0);
        }
    });
}
