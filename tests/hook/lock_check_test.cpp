// RAMIE_HOOK_CHECK=mutex: libramie-hook's reports of waits with a pthread lock held, and of fibers that wait for each
// other's locks. Settings that a process reads only once are tested in fresh processes.
#include "pthread_support.hpp"

#include "child_process.hpp"

#include <ramie/channel.hpp>
#include <ramie/mutex.hpp>

#include <future>
#include <mutex>
#include <string>

#include <poll.h>
#include <semaphore.h>

using namespace ramie::testing;

namespace {

child_end checked(char const* test_case, char const* check = "mutex") {
    auto end = in_fresh_process(test_case, "RAMIE_HOOK_CHECK", check);
    CHECK_MESSAGE(end.exited_with(0), end.output);
    return end;
}

std::size_t count_of(std::string const& what, std::string const& text, std::size_t from = 0) {
    std::size_t n = 0;
    for (auto at = text.find(what, from); at != text.npos; at = text.find(what, at + 1)) ++n;
    return n;
}

// The report must show this function's name, not the return path of a wait.
[[gnu::noinline]] void lock_here(std::mutex& m) {
    m.lock();
}

// Does `wait` as a task of that name, while it holds a mutex.
template <class F>
void with_mutex(char const* name, F&& wait) {
    static std::mutex held;
    ramie::spawn({.name = name}, [&] {
        lock_here(held);
        wait();
        held.unlock();
    }).get();
}

}  // namespace

TEST_CASE("hook: waiting with a mutex" * doctest::skip()) {
    ramie::run({.workers = 2}, [] {
        static std::mutex mutex, other;
        for (int i = 0; i < 3; ++i) {
            ramie::spawn({.name = "careless"}, [] {
                std::lock_guard const held(mutex);
                ::usleep(1000);
            }).get();
        }
        ramie::spawn({.name = "distracted"}, [] {
            std::unique_lock one(mutex), two(other);
            two.unlock();
            ::usleep(1000);
        }).get();
        ramie::spawn({.name = "careful"}, [] {
            { std::scoped_lock const held(mutex, other); }
            ::usleep(1000);
        }).get();
    });
}
TEST_CASE("hook: RAMIE_HOOK_CHECK=mutex names a task that waits while it holds a pthread mutex, once for each place") {
    auto const end = checked("hook: waiting with a mutex");
    CHECK_MESSAGE(count_of("\"careless\" waits in sleep while it holds 1 pthread lock:", end.output) == 1, end.output);
    CHECK(end.said("(+0x"));  // the backtrace
    CHECK(end.said("\"distracted\" waits in sleep while it holds 1 pthread lock:"));
    CHECK(!end.said("careful"));
    CHECK(!checked("hook: waiting with a mutex", "").said("careless\""));
}

TEST_CASE("hook: waiting for all kinds of things with a mutex" * doctest::skip()) {
    ramie::run({.workers = 2}, [] {
        ramie::mutex native;
        auto [tx, rx] = ramie::channel<int>(1);
        with_mutex("sleeps", [] { ramie::this_fiber::sleep_for(1ms); });
        with_mutex("joins", [] { ramie::spawn([] { ramie::this_fiber::yield(); }).get(); });
        with_mutex("receives", [&] {
            ramie::spawn([&] { (void)tx.send(1); }).detach();
            (void)rx.receive();
        });
        native.lock();
        auto unlocks = ramie::spawn([&] {
            ramie::this_fiber::sleep_for(3ms);
            native.unlock();
        });
        with_mutex("locks", [&] { std::lock_guard const both(native); });
        unlocks.get();
    });
}
TEST_CASE("hook: RAMIE_HOOK_CHECK=mutex reports Ramie's own waits as well, and says where the lock was taken") {
    auto const end = checked("hook: waiting for all kinds of things with a mutex");
    for (std::string const who : {"\"sleeps\" waits in sleep", "\"joins\" waits in join",
                                  "\"receives\" waits in channel receive", "\"locks\" waits in mutex"})
        CHECK_MESSAGE(count_of(who + " while it holds 1 pthread lock:", end.output) == 1, end.output);
    CHECK(count_of("  the mutex at 0x", end.output) == 4);
    CHECK(count_of(" was locked here:", end.output) == 4);
}

TEST_CASE("hook: waiting in calls of unmodified code with a mutex" * doctest::skip()) {
    ramie::run({.workers = 1}, [] {
        // Each fiber waits until the next one ends its wait.
        auto const with = [](char const* name, auto wait, auto give) {
            auto gives = ramie::spawn([&] {
                ramie::this_fiber::sleep_for(3ms);
                give();
            });
            with_mutex(name, wait);
            gives.get();
        };
        auto const ends = socket_pair();
        char b = 'b';
        auto const write = [&] { (void)!::write(ends.there, &b, 1); };
        with(
            "reads", [&] { (void)!::read(ends.here, &b, 1); }, write);
        pollfd asked{ends.here, POLLIN, 0};
        with(
            "polls", [&] { ::poll(&asked, 1, -1); }, write);

        pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
        plain_pthread_mutex own;  // the condition's own mutex: the wait unlocks it
        with(
            "cond", [&] { own.lock(), ::pthread_cond_wait(&changed, &own.raw), own.unlock(); },
            [&] { ::pthread_cond_signal(&changed); });
        sem_t semaphore;
        ::sem_init(&semaphore, 0, 0);
        with(
            "sem", [&] { ::sem_wait(&semaphore); }, [&] { ::sem_post(&semaphore); });
        pthread_barrier_t barrier;
        ::pthread_barrier_init(&barrier, nullptr, 2);
        with(
            "barrier", [&] { ::pthread_barrier_wait(&barrier); }, [&] { ::pthread_barrier_wait(&barrier); });
        std::atomic<int> word{0};
        with(
            "futex", [&] { word.wait(0); }, [&] { word = 1, word.notify_one(); });
        std::atomic<bool> may_end{false};
        std::thread thread([&] {
            while (!may_end) std::this_thread::sleep_for(1ms);
        });
        with(
            "joins", [&] { thread.join(); }, [&] { may_end = true; });
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        auto first = parked([] { ::pthread_once(&once, [] { ::usleep(5'000); }); });
        with(
            "once", [] { ::pthread_once(&once, [] {}); }, [] {});
        first.get();
    });
}
TEST_CASE("hook: RAMIE_HOOK_CHECK=mutex reports every kind of wait that the hook parks") {
    auto const end = checked("hook: waiting in calls of unmodified code with a mutex");
    for (std::string const who :
         {"\"reads\" waits in read", "\"polls\" waits in poll", "\"cond\" waits in pthread_cond_wait",
          "\"sem\" waits in sem_wait", "\"barrier\" waits in pthread_barrier_wait", "\"futex\" waits in futex",
          "\"joins\" waits in pthread_join", "\"once\" waits in pthread_once"})
        CHECK_MESSAGE(count_of(who + " while it holds 1 pthread lock:", end.output) == 1, end.output);
}

TEST_CASE("hook: waiting with an rwlock and with more than one lock" * doctest::skip()) {
    ramie::run({.workers = 1}, [] {
        pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
        plain_pthread_mutex recursive(PTHREAD_MUTEX_RECURSIVE);
        ramie::spawn({.name = "writes"}, [&] {
            ::pthread_rwlock_wrlock(&lock);
            ::usleep(1000);
            ::pthread_rwlock_unlock(&lock);
        }).get();
        ramie::spawn({.name = "reads"}, [&] {
            ::pthread_rwlock_rdlock(&lock);
            recursive.lock();
            recursive.lock();
            ::usleep(1000);
            recursive.unlock();
            ::usleep(1000);
            recursive.unlock();
            ::pthread_rwlock_unlock(&lock);
            ::usleep(1000);
        }).get();
    });
}
TEST_CASE("hook: RAMIE_HOOK_CHECK=mutex knows rwlocks, and counts locks and not lockings") {
    auto const end = checked("hook: waiting with an rwlock and with more than one lock");
    CHECK_MESSAGE(end.said("\"writes\" waits in sleep while it holds 1 pthread lock:"), end.output);
    CHECK(end.said("  the rwlock (writing) at 0x"));
    CHECK(count_of("\"reads\" waits in sleep while it holds", end.output) == 2);
    CHECK(count_of("\"reads\" waits in sleep while it holds 2 pthread locks:", end.output) == 2);
    CHECK(end.said("  the rwlock (reading) at 0x"));
}

TEST_CASE("hook: fibers that wait for each other's mutexes" * doctest::skip()) {
    ramie::run({.workers = 1, .shutdown_timeout = 10ms}, [] {
        static std::mutex one, two, three;
        static auto const in_order = [](std::mutex& first, std::mutex& second) {
            ramie::spawn([&] {
                first.lock();
                ramie::this_fiber::sleep_for(1ms);
                second.lock();
            }).detach();
        };
        in_order(one, two);
        in_order(two, three);
        in_order(three, one);
        ramie::this_fiber::sleep_for(20ms);
        std::printf("all are stuck\n");
        std::fflush(stdout);
        ::_exit(0);
    });
}
TEST_CASE("hook: RAMIE_HOOK_CHECK=mutex finds fibers that wait for each other's mutexes, and where they were locked") {
    auto const end = checked("hook: fibers that wait for each other's mutexes");
    CHECK_MESSAGE(count_of("deadlock: 3 fibers wait for each other's pthread locks", end.output) == 1, end.output);
    CHECK(count_of("was locked here:", end.output, end.output.find("deadlock:")) == 3);
}

TEST_CASE("hook: fibers that wait for locks and are no circle or another one" * doctest::skip()) {
    ramie::run({.workers = 1, .shutdown_timeout = 10ms}, [] {
        static std::mutex one, two, own;
        static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
        // A queue, no circle: each waits for a fiber that goes on.
        two.lock();
        auto waits = parked([] {
            one.lock();
            two.lock();
            two.unlock();
            one.unlock();
        });
        auto last = parked([] { std::lock_guard const held(one); });
        two.unlock();
        waits.get();
        last.get();
        std::printf("no circle\n");
        std::fflush(stdout);
        // A mutex against an rwlock.
        ramie::spawn([] { one.lock(), ramie::this_fiber::sleep_for(1ms), ::pthread_rwlock_wrlock(&shared); }).detach();
        ramie::spawn([] { ::pthread_rwlock_rdlock(&shared), ramie::this_fiber::sleep_for(1ms), one.lock(); }).detach();
        ramie::this_fiber::sleep_for(20ms);
        std::printf("two are stuck\n");
        std::fflush(stdout);
        ramie::spawn([] { own.lock(), own.lock(); }).detach();
        ramie::this_fiber::sleep_for(20ms);
        ::_exit(0);
    });
}
TEST_CASE("hook: RAMIE_HOOK_CHECK=mutex takes no queue for a circle, and finds circles over rwlocks and of one fiber") {
    auto const end = checked("hook: fibers that wait for locks and are no circle or another one");
    auto const& text = end.output;
    auto const queue = text.find("no circle\n"), stuck = text.find("two are stuck\n");
    auto const two = text.find("deadlock: 2 fibers wait for each other's"),
               own = text.find("deadlock: 1 fiber waits for each");
    CHECK_MESSAGE(count_of("deadlock:", text) == 2, text);
    CHECK((queue < two && two < stuck && stuck < own && own != text.npos));
    auto const places = text.substr(two, stuck - two);
    CHECK_MESSAGE(count_of("  the mutex at 0x", places) == 1, places);
    CHECK_MESSAGE(count_of("  the rwlock (reading) at 0x", places) == 1, places);
}
