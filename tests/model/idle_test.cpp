// Falling asleep and being woken (idle.md): idle_set, with the gate of its posts, and parker, with queues that are one word.
//
// A sleeper here does what worker::sleep() does, in its order: lists itself, looks again at all queues, sleeps on its futex,
// takes itself off the list. A poster does what scheduler::wake_one() does after it has put work somewhere.
#include "fence_mode.hpp"

#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "sleep/idle.hpp"
#include "sleep/parker.hpp"

#include "worker/worker.hpp"

#include <ramie/detail/sleep/driver.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>

using namespace ramie::model;
using ramie::detail::idle_set;
using ramie::detail::parker;
using enum std::memory_order;

namespace {

struct no_driver final : ramie::detail::driver {
    void turn(ramie::detail::time_point) override {}
    void interrupt() noexcept override {}
    bool harvest() override { return false; }
};

struct few_workers {
    idle_set idle{3, 3};  // three workers: one may search
    std::array<parker, 3> parkers{};
    atomic<int> queued{0};
    no_driver driver;
    // What idle_set knows of a worker is its address, and that it does not sleep in the driver: zeroes say so.
    alignas(ramie::detail::worker) std::array<std::byte, sizeof(ramie::detail::worker)> places[3]{};

    ramie::detail::worker& worker(std::size_t i) { return *reinterpret_cast<ramie::detail::worker*>(places[i].data()); }

    // A worker's look, long after the last one was listed.
    void look() { idle.look(ramie::detail::never); }
    void post() {
        queued.fetch_add(1, release);
        wake_one();
    }
    void wake_one() {
        auto* const w = idle.wake_for_work();
        if (w == nullptr) return;
        for (std::size_t i = 0; i < 3; ++i)
            if (w == &worker(i)) return parkers[i].unpark(driver);
        require(false, "it wakes a worker that is none");
    }
    bool take() {
        auto n = queued.load(relaxed);
        while (n > 0)
            if (queued.compare_exchange_strong(n, n - 1, acq_rel, relaxed)) return true;
        return false;
    }
    // worker::find_work(), until it has found one piece.
    void work(std::size_t i) {
        bool searching = false;
        for (;;) {
            if (!searching) searching = idle.start_search();
            if (searching && take()) {
                if (idle.stop_search()) wake_one();  // the last searcher to find work wakes another
                return;
            }
            idle.list(worker(i), std::exchange(searching, false), {});
            if (queued.load(seq_cst) > 0) {
                if (idle.unlist(worker(i))) idle.join_search();
                searching = true;
                continue;
            }
            parkers[i].sleep(ramie::detail::never);
            searching = !idle.unlist(worker(i));
        }
    }
};

}  // namespace

TEST_CASE("model: idle: what is posted is found, however late the finder falls asleep") {
    check({2, 2}, [] {
        auto s = std::make_shared<few_workers>();
        thread([=] { s->work(0); });
        thread([=] { s->post(); });
        finally([=] { require(s->queued.load(relaxed) == 0 && s->idle.sleeping() == 0, "something is left"); });
    });
}

TEST_CASE("model: idle: the same where the gate of posts is open, and opens again while it works") {
    in_all_fence_modes([](auto const& set_mode) {
        check({2, 2}, [=] {
            set_mode();
            auto s = std::make_shared<few_workers>();
            s->look();
            thread([=] {
                s->work(0);
                s->look();
                s->work(0);
            });
            thread([=] {
                s->post();
                s->post();
            });
            finally([=] { require(s->queued.load(relaxed) == 0 && s->idle.sleeping() == 0, "something is left"); });
        });
    });
}

TEST_CASE("model: idle: a post that finds the gate open is seen by a worker that lists itself while another works") {
    in_all_fence_modes([](auto const& set_mode) {
        check({1, 1}, [=] {
            set_mode();
            auto s = std::make_shared<few_workers>();
            s->look();
            thread([=] { s->work(0); });
            thread([=] {
                s->look();
                s->work(1);
            });
            thread([=] {
                s->post();
                s->post();
            });
            finally([=] { require(s->queued.load(relaxed) == 0 && s->idle.sleeping() == 0, "something is left"); });
        });
    });
}

TEST_CASE("model: idle: two pieces of work find two workers, though one wake-up may stand for both") {
    check({1, 1}, [] {
        auto s = std::make_shared<few_workers>();
        thread([=] { s->work(0); });
        thread([=] { s->work(1); });
        thread([=] {
            s->post();
            s->post();
        });
        finally([=] { require(s->queued.load(relaxed) == 0 && s->idle.sleeping() == 0, "something is left"); });
    });
}

TEST_CASE("model: parker: a token put before, at or after the moment of falling asleep ends the sleep, and what came before it is seen") {
    check({no_bound, 3}, [] {
        struct one {
            parker p;
            no_driver driver;
            int data = 0;
        };
        auto s = std::make_shared<one>();
        thread([=] {
            s->p.sleep(ramie::detail::never);
            require(s->data == 1, "what came before the token is not there");
        });
        thread([=] {
            s->data = 1;
            s->p.unpark(s->driver);
        });
    });
}

TEST_CASE("model: parker: a token put before, in or after a turn of the driver ends it, and what came before it is seen") {
    struct one {
        parker p;
        struct flag final : ramie::detail::driver {
            atomic<bool> is_interrupted{false};
            void turn(ramie::detail::time_point) override {
                while (!is_interrupted.load(relaxed)) wait_for_a_change();
            }
            void interrupt() noexcept override { is_interrupted.store(true, relaxed); }
            bool harvest() override { return false; }
        } driver;
        int data = 0;
    };
    check(everything, [] {
        auto s = std::make_shared<one>();
        thread([=] {
            if (s->p.enter_driver()) {
                s->driver.turn(ramie::detail::never);
                s->p.leave_driver();
            }
            require(s->data == 1, "what came before the token is not there");
        });
        thread([=] {
            s->data = 1;
            s->p.unpark(s->driver);
        });
    });
}
