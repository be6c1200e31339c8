// A plain thread that unlocks a mutex inside libc, where the hook does not see it: in a wait for a condition variable.
// Fibers that wait for the mutex look for themselves meanwhile.
#include "pthread_support.hpp"

#include <csignal>
#include <new>

#include <sys/mman.h>
#include <unistd.h>

using namespace ramie::testing;

namespace {

// Memory for a condition variable. libc's wait touches the variable before it unlocks the mutex. The first thread that
// touches it is held up until a fiber waits for the mutex.
class slow_page {
  public:
    slow_page()
        : size_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
          begin_(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        REQUIRE(begin_ != MAP_FAILED);
    }
    slow_page(slow_page const&) = delete;
    slow_page& operator=(slow_page const&) = delete;
    ~slow_page() { ::munmap(begin_, size_); }

    void* begin() const { return begin_; }
    bool holds_up() const { return holds_up_; }
    bool one_has_waited() const { return one_has_waited_; }

    void hold_up_until_one_waits_for(plain_pthread_mutex const& m) {
        in_use_ = this;
        mutex_ = &m.raw;
        struct sigaction waiting {};
        waiting.sa_handler = [](int) { in_use_->on_touch(); };
        REQUIRE(::sigaction(SIGSEGV, &waiting, &before_) == 0);
        REQUIRE(::mprotect(begin_, size_, PROT_NONE) == 0);
    }

  private:
    void on_touch() {
        auto const error = errno;
        holds_up_ = true;
        auto const& waiting = ramie::detail::parking_lot::counters.waiting[ramie::detail::lot_bucket(mutex_)];
        for (int ms = 0; ms < 10'000 && waiting == 0; ++ms) std::this_thread::sleep_for(1ms);
        one_has_waited_ = waiting != 0;
        std::this_thread::sleep_for(2ms);  // the fiber has tried, too
        (void)::sigaction(SIGSEGV, &before_, nullptr);
        (void)!::mprotect(begin_, size_, PROT_READ | PROT_WRITE);
        errno = error;
    }

    static inline slow_page* in_use_ = nullptr;
    std::size_t size_;
    void* begin_;
    void const* mutex_ = nullptr;
    struct sigaction before_ {};
    std::atomic<bool> holds_up_{false}, one_has_waited_{false};
};

}  // namespace

TEST_CASE("pthread_cond_wait: a thread's wait unlocks for the fibers that wait for the mutex") {
    on_one_thread([] {
        baton b;
        std::atomic<bool> ready{false};
        plain_thread other([&] {
            b.mutex.lock();
            ready = true;
            std::this_thread::sleep_for(5ms);  // the fiber begins to wait for the mutex
            while (b.value == 0) b.changed.wait(b.mutex);
            b.mutex.unlock();
        });
        while (!ready) ramie::this_fiber::sleep_for(100us);
        no_looking const test;  // looking is off, except at a leaving thread
        b.set(1);
        other.end();
    });
}

TEST_CASE("pthread_cond_wait: a fiber that comes just before a thread's wait unlocks is not forgotten") {
    no_looking const test;
    static slow_page page;
    auto& changed = *new (page.begin()) plain_pthread_cond;
    plain_pthread_mutex mutex;
    page.hold_up_until_one_waits_for(mutex);
    int value = 0;
    on_one_thread([&] {
        plain_thread other([&] {
            mutex.lock();
            while (value == 0) changed.wait(mutex);
            mutex.unlock();
        });
        while (!page.holds_up()) ramie::this_fiber::sleep_for(100us);
        mutex.lock();  // locked until then, and then unlocked inside libc
        value = 1;
        changed.signal();
        mutex.unlock();
        other.end();
    });
    CHECK(page.one_has_waited());
    changed.~plain_pthread_cond();
}

TEST_CASE("parking lot: a fiber looks as long as the thread that holds a lock is leaving it, and at no other one") {
    using namespace ramie::detail;
    no_looking const test;
    constexpr std::int32_t leaving = 7, another = 8;
    struct held_lock {
        std::int32_t owner;
        bool is_held = true;
        int tries = 0;
    };
    on_one_thread([] {
        for (std::int32_t const owner : {leaving, 0, another}) {  // 0: it unlocks at this moment
            CAPTURE(owner);
            held_lock lock{owner};
            lot_leaver leaver{&lock, leaving};
            parking_lot::leave_unseen(leaver);
            auto waits = parked([&] {
                lot_wait w;
                w.address = &lock;
                w.argument = &lock;
                w.attempt = [](void* l) noexcept {
                    auto& it = *static_cast<held_lock*>(l);
                    ++it.tries;
                    return it.is_held ? static_cast<int>(lot_wait::again) : 0;
                };
                w.what = "test";
                w.owner = &lock.owner;
                w.is_lock = true;
                return parking_lot::wait(w);
            });
            auto const before = lock.tries;
            ramie::this_fiber::sleep_for(2ms);
            CHECK((lock.tries > before) == (owner != another));
            lock.is_held = false;  // inside libc, which does not tell
            if (owner == another) parking_lot::wake(&lock, lot_wake::first);
            CHECK(waits.get() == 0);
            parking_lot::left_unseen(leaver);
        }
    });
}

TEST_CASE("parking lot: a thread that begins to leave a lock wakes the fiber that waits for it already") {
    using namespace ramie::detail;
    no_looking const test;
    on_one_thread([] {
        int tries = 0;
        auto waits = parked([&] {
            lot_wait w;
            w.address = w.argument = &tries;
            w.attempt = [](void* t) noexcept {
                return ++*static_cast<int*>(t) < 3 ? static_cast<int>(lot_wait::again) : 0;
            };
            w.what = "test";
            return parking_lot::wait(w);
        });
        CHECK(tries == 1);
        for (int left : {2, 3}) {
            lot_leaver leaver{&tries, 7};
            parking_lot::leave_unseen(leaver);
            parking_lot::left_unseen(leaver);
            ramie::this_fiber::sleep_for(1ms);
            CHECK(tries == left);
        }
        CHECK(waits.get() == 0);
    });
}

TEST_CASE("pthread_cond_wait: one that began before the runtime did is woken from it") {
    baton b;
    std::atomic<bool> waits{false};
    std::thread early([&] {
        b.mutex.lock();
        waits = true;
        while (b.value == 0) b.changed.wait(b.mutex);
        b.mutex.unlock();
    });
    while (!waits) std::this_thread::yield();
    on_one_thread([&] { b.set(1); });
    early.join();
}
