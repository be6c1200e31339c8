// libramie-hook and POSIX semaphores, and std:: types that wait on futexes by libc's syscall(): std::atomic, latch,
// barrier, semaphore, future.
#include "pthread_support.hpp"

#include <ramie/timeout.hpp>

#include <algorithm>
#include <array>
#include <barrier>
#include <csignal>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <semaphore>

#include <linux/futex.h>
#include <semaphore.h>
#include <sys/syscall.h>

using namespace ramie::testing;

namespace {

struct plain_sem {
    explicit plain_sem(unsigned value = 0, int shared = 0) { REQUIRE(::sem_init(&raw, shared, value) == 0); }
    plain_sem(plain_sem const&) = delete;
    plain_sem& operator=(plain_sem const&) = delete;
    ~plain_sem() { ::sem_destroy(&raw); }
    int wait() { return ::sem_wait(&raw); }
    int post() { return ::sem_post(&raw); }
    sem_t raw;
};

}  // namespace

TEST_CASE("sem_wait: fibers of one thread, and threads, post to each other") {
    no_looking const test;
    on_one_thread([] {
        plain_sem there, back;
        auto const answer = [&] {
            for (int i = 0; i < 100; ++i) {
                CHECK(there.wait() == 0);
                CHECK(back.post() == 0);
            }
        };
        auto const ask = [&] {
            for (int i = 0; i < 100; ++i) {
                CHECK(there.post() == 0);
                CHECK(back.wait() == 0);
            }
        };
        auto other = ramie::spawn(answer);
        ask();
        other.get();
        plain_thread thread(answer);
        ask();
    });
}

TEST_CASE("sem_post: two posts wake two fibers, before either has run") {
    no_looking const test;
    on_one_thread([] {
        plain_sem semaphore;
        auto one = parked([&] { return semaphore.wait(); });
        auto two = parked([&] { return semaphore.wait(); });
        semaphore.post();
        semaphore.post();
        CHECK(one.get() == 0);
        CHECK(two.get() == 0);
    });
}

TEST_CASE("sem_wait: a limited number is inside, of fibers on two workers and threads") {
    no_looking const test;
    plain_sem room(3);
    std::atomic<int> inside{0}, wrong{0};
    auto const each = static_cast<int>(rounds(300));
    auto const work = [&] {
        for (int i = 0; i < each; ++i) {
            if (room.wait() != 0 || ++inside > 3) ++wrong;
            if (i % 16 == 0 && ramie::is_hooked()) ::usleep(1);
            --inside;
            room.post();
        }
    };
    ramie::run({.workers = 2}, [&] {
        ramie::join_set<void> all;
        for (int i = 0; i < 12; ++i) all.spawn(work);
        plain_thread one(work), two(work);
        (void)all.join_all();
    });
    CHECK(wrong == 0);
}

TEST_CASE("sem_timedwait and clockwait park until then or until a post; sem_trywait does not; errors are in errno") {
    on_one_thread([] {
        plain_sem semaphore;
        timespec const nonsense{0, -1}, past{1, 0};
        CHECK(result_of([&] { return ::sem_trywait(&semaphore.raw); }) == said{-1, EAGAIN});
        CHECK(result_of([&] { return ::sem_timedwait(&semaphore.raw, &past); }) == said{-1, ETIMEDOUT});
        CHECK(result_of([&] { return ::sem_timedwait(&semaphore.raw, &nonsense); }) == said{-1, EINVAL});
        CHECK(result_of([&] { return ::sem_clockwait(&semaphore.raw, CLOCK_PROCESS_CPUTIME_ID, &past); }) ==
              said{-1, EINVAL});
        for (auto const clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
            auto const until = time_after(2ms, clock);
            CHECK(result_of([&] { return ::sem_clockwait(&semaphore.raw, clock, &until); }) == said{-1, ETIMEDOUT});
            CHECK(has_come(until, clock));
            auto const far = time_after(1h, clock);
            auto waits = parked([&] { return ::sem_clockwait(&semaphore.raw, clock, &far); });
            CHECK(!waits.is_finished());
            semaphore.post();
            CHECK(waits.get() == 0);
        }
        auto const until = time_after(2ms), far = time_after(1h);
        CHECK(result_of([&] { return ::sem_timedwait(&semaphore.raw, &until); }) == said{-1, ETIMEDOUT});
        CHECK(has_come(until));
        auto waits = parked([&] {
            errno = EXDEV;
            return ::sem_timedwait(&semaphore.raw, &far) == 0 ? errno : -1;
        });
        CHECK(!waits.is_finished());
        semaphore.post();
        CHECK(waits.get() == EXDEV);  // failed tries leave errno alone
        semaphore.post();
        errno = EXDEV;
        CHECK(::sem_timedwait(&semaphore.raw, &nonsense) == 0);  // there is no need to wait
        CHECK(errno == EXDEV);
    });
}

TEST_CASE("sem_wait: an abort says ECANCELED and a timeout around it ETIMEDOUT; no post is lost by that") {
    on_one_thread([] {
        plain_sem semaphore;
        said doomed_said{}, late_said{};
        auto doomed = parked([&] { doomed_said = result_of([&] { return semaphore.wait(); }); });
        auto late = parked(
            [&] { (void)ramie::timeout(1ms, [&] { late_said = result_of([&] { return semaphore.wait(); }); }); });
        auto patient = parked([&] { return semaphore.wait(); });
        doomed.abort();
        (void)doomed.join();
        (void)late.join();
        CHECK(doomed_said == said{-1, ECANCELED});
        CHECK(late_said == said{-1, ETIMEDOUT});
        CHECK(!patient.is_finished());
        semaphore.post();
        CHECK(patient.get() == 0);
    });
}

TEST_CASE("sem_wait: a process-shared one") {
    on_one_thread([] {
        plain_sem semaphore(0, 1);
        auto waits = parked([&] { return semaphore.wait(); });
        CHECK(!waits.is_finished());
        semaphore.post();
        CHECK(waits.get() == 0);
    });
}

TEST_CASE("sem_post: from a signal handler, in the middle of what other semaphores are woken") {
    // Three semaphores in one bucket of the parking lot: a handler that took its lock would wait for the code it
    // interrupts.
    constexpr auto enough = 2 * ramie::detail::lot_counters::buckets + 1;
    auto const all = std::make_unique<std::array<plain_sem, enough>>();
    std::map<unsigned, std::vector<plain_sem*>> by_bucket;
    for (auto& each : *all) by_bucket[ramie::detail::lot_bucket(&each.raw)].push_back(&each);
    auto const& neighbours =
        std::ranges::max_element(by_bucket, {}, [](auto const& b) { return b.second.size(); })->second;
    REQUIRE(neighbours.size() >= 3);
    plain_sem &rung = *neighbours[0], &there = *neighbours[1], &back = *neighbours[2];

    static plain_sem* from_handler = nullptr;
    from_handler = &rung;
    struct sigaction posting {
    }, before{};
    posting.sa_handler = [](int) { from_handler->post(); };
    posting.sa_flags = SA_RESTART;
    REQUIRE(::sigaction(SIGUSR1, &posting, &before) == 0);
    auto const times = static_cast<int>(rounds(2'000));
    on_one_thread([&] {
        no_looking const test;
        std::atomic<int> got{0};
        // The fiber's worker is interrupted at any point, and again after the fiber has got the handler's post.
        plain_thread interrupts([&, worker = ::pthread_self()] {
            for (int i = 0; i < times; ++i) {
                ::pthread_kill(worker, SIGUSR1);
                while (got <= i) std::this_thread::sleep_for(20us);
            }
        });
        bool over = false;
        ramie::join_set<void> busy;
        busy.spawn([&] {
            while (!over) {
                there.post();
                back.wait();
            }
            there.post();
        });
        busy.spawn([&] {
            while (!over) {
                there.wait();
                back.post();
            }
            back.post();
        });
        while (got < times) {
            CHECK(rung.wait() == 0);
            ++got;
        }
        interrupts.end();
        over = true;
        (void)busy.join_all();
    });
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("futex by syscall(): fibers of one thread wait for each other, and for threads") {
    no_looking const test;
    on_one_thread([] {
        int word = 0;
        auto const wait = [&](int expected, timespec const* time = nullptr) {
            return ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, time, nullptr, 0);
        };
        auto const wake = [&](int most) {
            return ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, most, nullptr, nullptr, 0);
        };
        CHECK(result_of([&] { return wait(1); }) == said{-1, EAGAIN});
        timespec const little{0, 2'000'000}, nonsense{0, -1};
        CHECK(result_of([&] { return wait(0, &little); }) == said{-1, ETIMEDOUT});
        CHECK(result_of([&] { return wait(0, &nonsense); }) == said{-1, EINVAL});
        CHECK(wake(1) == 0);
        std::vector<ramie::join_handle<long>> fibers;
        for (int i = 0; i < 3; ++i) fibers.push_back(parked([&] { return wait(0); }));
        long thread_said = -1;
        {
            plain_thread thread([&] { thread_said = wait(0); });
            ramie::this_fiber::sleep_for(5ms);
            CHECK(wake(1) == 1);
            CHECK(fibers[0].get() == 0);  // the first
            CHECK(!fibers[1].is_finished());
            long woken = 0;  // the other two, and the thread once it waits
            while (woken < 3) {
                woken += wake(10);
                ramie::this_fiber::sleep_for(1ms);
            }
            CHECK(woken == 3);
        }
        CHECK(thread_said == 0);
        for (std::size_t i = 1; i < fibers.size(); ++i) CHECK(fibers[i].get() == 0);
    });
}

TEST_CASE("std::atomic, latch, barrier, counting_semaphore and future of unmodified code") {
    on_one_thread([] {
        std::atomic<int> number{0};
        std::atomic<char> small{0};
        std::latch latch(2);
        std::counting_semaphore<10> room(0);
        std::barrier meeting(3);
        std::promise<int> promise;
        auto const future = promise.get_future().share();
        ramie::join_set<void> all;
        for (int i = 0; i < 2; ++i) {
            all.spawn([&] {
                number.wait(0);
                small.wait(0);
                room.acquire();
                CHECK(future.get() == 7);
                meeting.arrive_and_wait();
                latch.count_down();
            });
        }
        ramie::this_fiber::sleep_for(1ms);
        number = 1;
        number.notify_all();
        ramie::this_fiber::sleep_for(1ms);
        small = 1;
        small.notify_all();
        ramie::this_fiber::sleep_for(1ms);
        room.release(2);
        ramie::this_fiber::sleep_for(1ms);
        promise.set_value(7);
        meeting.arrive_and_wait();
        latch.wait();
        (void)all.join_all();
        CHECK(std::async(std::launch::async, [] { return 8; }).get() == 8);
        CHECK(!room.try_acquire_for(2ms));
    });
}
