// "Destroy right after the wait returns": whoever was woken may free the primitive at once, while the one that woke it
// is still on its way out of it. A use after free is for ASan and TSan to see; each round is a fresh piece of memory.
#include "chance.hpp"

#include <ramie/condition_variable.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

using namespace std::chrono_literals;
using namespace ramie::testing;

namespace {

constexpr unsigned worker_counts[] = {1, 2, 4};

// Runs rounds of two parties. `make` gives what they share; `wake` is the party that must not touch it after it has
// woken `wait`, which frees it. Each party is a fiber or a plain thread, by turns.
template <class Shared>
void two_parties(std::function<void(Shared&)> const& wake, std::function<void(Shared&)> const& wait) {
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        stress_time const time(worker_counts[2] - 1);
        chance dice(workers);
        for (std::size_t n = 0; n <= 10 || time.goes_on(); ++n) {
            auto shared = std::make_unique<Shared>();
            auto* const raw = shared.get();
            bool const thread_waits = n % 3 == 0;
            auto waker = rt.spawn([raw, &wake, yields = dice.below(3)] {
                for (auto y = yields; y > 0; --y) ramie::this_fiber::yield();
                wake(*raw);
            });
            if (thread_waits) {
                wait(*shared);
                shared.reset();
            } else {
                rt.spawn([s = std::move(shared), &wait]() mutable {
                      wait(*s);
                      s.reset();
                  }).get();
            }
            waker.get();
        }
    }
}

}  // namespace

TEST_CASE("destroy: a notify, right after its wait returned") {
    RAMIE_CAPTURE_SEED();
    two_parties<ramie::notify>([](ramie::notify& n) { n.notify_one(); }, [](ramie::notify& n) { n.wait(); });
}

TEST_CASE("destroy: a notify, after a wait that ran into its deadline again and again") {
    RAMIE_CAPTURE_SEED();
    two_parties<ramie::notify>([](ramie::notify& n) { n.notify_one(); },
                               [](ramie::notify& n) {
                                   while (!n.wait_for(5us)) {}
                               });
}

TEST_CASE("destroy: a mutex, right after the lock that its last holder handed over was released") {
    RAMIE_CAPTURE_SEED();
    struct shared {
        ramie::mutex lock;
        std::atomic<bool> held{false};
    };
    two_parties<shared>(
        [](shared& s) {
            s.lock.lock();
            s.held = true;
            ramie::this_fiber::yield();
            s.lock.unlock();
        },
        [](shared& s) {
            while (!s.held) ramie::this_fiber::yield();
            s.lock.lock();
            s.lock.unlock();
        });
}

TEST_CASE("destroy: a condition variable and its mutex, right after the condition was seen") {
    RAMIE_CAPTURE_SEED();
    struct shared {
        ramie::mutex lock;
        ramie::condition_variable changed;
        bool ready = false;
    };
    for (bool all : {false, true}) {
        two_parties<shared>(
            [all](shared& s) {
                std::lock_guard held(s.lock);  // notified under the lock, or the waiter could be gone before
                s.ready = true;
                if (all) s.changed.notify_all();
                else s.changed.notify_one();
            },
            [](shared& s) {
                std::unique_lock held(s.lock);
                s.changed.wait(held, [&] { return s.ready; });
            });
    }
}

TEST_CASE("destroy: a condition variable whose last notified waiter frees it, the others being gone") {
    RAMIE_CAPTURE_SEED();
    struct shared {
        ramie::mutex lock;
        ramie::condition_variable changed;
        int waiting = 0, left = 3;
    };
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        stress_time const time(3);
        for (; time.goes_on();) {
            auto* const s = new shared;
            auto const waiter = [s] {
                bool last = false;
                {
                    std::unique_lock held(s->lock);
                    ++s->waiting;
                    s->changed.wait(held);
                    last = --s->left == 0;
                }
                if (last) delete s;
            };
            ramie::join_handle<void> tasks[3];
            for (auto& t : tasks) t = rt.spawn(waiter);
            rt.spawn([s] {
                  for (;;) {
                      s->lock.lock();
                      if (s->waiting == 3) break;
                      s->lock.unlock();
                      ramie::this_fiber::yield();
                  }
                  s->changed.notify_all();  // from here on nobody waits in it; they queue for the mutex
                  s->lock.unlock();
              }).get();
            for (auto& t : tasks) t.get();
        }
    }
}

TEST_CASE("destroy: what a task's body used, right after its join returned") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        ramie::runtime rt({.workers = workers});
        stress_time const time(3);
        chance dice(workers);
        while (time.goes_on()) {
            auto data = std::make_unique<std::atomic<int>>(0);
            auto task = rt.spawn([d = data.get(), y = dice.below(2)] {
                if (y > 0) ramie::this_fiber::yield();
                d->fetch_add(1);
            });
            if (dice.one_in(2)) task.abort();
            if (dice.one_in(2)) (void)task.join();
            else rt.spawn([t = std::move(task)]() mutable { (void)t.join(); }).get();
            data.reset();
        }
    }
}

TEST_CASE("destroy: a runtime, right after a task's join returned or its last wake was given from outside") {
    RAMIE_CAPTURE_SEED();
    for (unsigned workers : worker_counts) {
        CAPTURE(workers);
        chance dice(workers);
        stress_time const time(3);
        while (time.goes_on()) {
            auto const signal = std::make_shared<ramie::notify>();
            std::jthread outside;
            ramie::join_handle<void> task;
            {
                ramie::runtime rt({.workers = workers});
                task = rt.spawn([signal] { signal->wait(); });
                outside = std::jthread([signal, spins = dice.below(3000)] {
                    for (auto n = spins; n > 0; --n) ramie::detail::cpu_pause();
                    signal->notify_one();
                });
                if (dice.one_in(2)) (void)task.join();
            }
            CHECK((!task.valid() || task.is_finished()));
        }
    }
}
