// When nothing goes on: what counts as such, and what does not, because it may still wake a task.
#include "dump/standstill.hpp"

#include <ramie/channel.hpp>
#include <ramie/counting_semaphore.hpp>
#include <ramie/detail/switch/plain_thread.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <string>
#include <thread>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using ramie::detail::standstill;

namespace {

// Looks from a thread that is no task's: until it stands still, then aborts `of`'s handle, so that the test goes on.
class judge {
  public:
    explicit judge(ramie::abort_handle task)
        : thread_([this, task = std::move(task)]() mutable {
              while (!sees_.look()) std::this_thread::sleep_for(1ms);
              again_ = sees_.look();
              task.abort();
          }) {}
    judge(judge const&) = delete;
    judge& operator=(judge const&) = delete;
    ~judge() { join(); }
    bool saw_it_once() {
        join();
        return !again_;
    }

  private:
    void join() {
        if (thread_.joinable()) thread_.join();
    }
    standstill sees_;
    bool again_ = false;
    ramie::detail::plain_thread thread_;
};

// That it never stands still, while `runs` lasts.
bool goes_on(std::function<void()> const& runs) {
    std::atomic<bool> over{false}, stood{false};
    std::atomic<int> looks{0};
    ramie::detail::plain_thread looker([&] {
        for (standstill s; !over; ++looks) {
            if (s.look()) stood = true;
            std::this_thread::sleep_for(1ms);
        }
    });
    runs();
    over = true;
    looker.join();
    return !stood && looks > 5;
}

// So that there are some looks.
constexpr auto a_while = 30ms;

}  // namespace

TEST_CASE("standstill: two tasks with two locks, and one that joins them; told of once") {
    ramie::runtime carrier({.workers = 2});
    ramie::mutex a, b;
    auto const take_both = [](ramie::mutex& first, ramie::mutex& second, std::latch& both) {
        std::lock_guard const one(first);
        both.count_down();
        while (!both.try_wait()) ramie::this_fiber::yield();
        std::lock_guard const two(second);
    };
    std::latch both(2);
    auto one = carrier.spawn([&] { take_both(a, b, both); });
    auto two = carrier.spawn([&] { take_both(b, a, both); });
    judge sees(one.abort_handle());
    carrier.block_on([&] { (void)two.join(); });
    CHECK(sees.saw_it_once());
    CHECK_FALSE(one.join().has_value());
}

TEST_CASE("standstill: a receiver whose sender waits, in a current_thread runtime, too") {
    for (bool current_thread : {false, true}) {
        ramie::runtime carrier({.current_thread = current_thread});
        auto [tx, rx] = ramie::channel<int>(1);
        auto receiver = carrier.spawn([&rx = rx] { (void)rx.receive(); });
        judge sees(receiver.abort_handle());
        carrier.block_on([&] { (void)receiver.join(); });
        CHECK(sees.saw_it_once());
    }
}

TEST_CASE("standstill: two runtimes whose tasks wait for each other, a thread and a blocking job among them") {
    ramie::runtime one({.workers = 1}), two({.workers = 1});
    ramie::notify never;
    auto root = one.spawn([&] {
        auto job = ramie::spawn_blocking([&] { never.wait(); });
        ramie::abort_shield const whole;
        (void)job.join();
    });
    auto other = two.spawn([&] { never.wait(); });
    std::jthread const thread([&] {
        (void)other.join();
        never.notify_all();
    });
    judge sees(other.abort_handle());
    (void)root.join();
    CHECK(sees.saw_it_once());
}

TEST_CASE("standstill: not while a deadline is armed, a thread does something else, or a job runs") {
    ramie::runtime carrier({.workers = 2});
    ramie::notify never;
    auto waits = carrier.spawn([&] { never.wait(); });
    CHECK(goes_on([&] { carrier.block_on([&] { ramie::this_fiber::sleep_for(a_while); }); }));
    CHECK(goes_on([&] { std::this_thread::sleep_for(a_while); }));
    CHECK(goes_on([&] {
        carrier.block_on([&] { (void)ramie::spawn_blocking([] { std::this_thread::sleep_for(a_while); }).join(); });
    }));
    CHECK(goes_on([&] {
        std::jthread const other([] { std::this_thread::sleep_for(a_while); });
        carrier.block_on([&] { (void)ramie::spawn([&] { ramie::this_fiber::sleep_for(a_while); }).join(); });
    }));
    waits.abort();
    (void)waits.join();
}

TEST_CASE("standstill: not while a thread waits with a limit, after which it wakes a task") {
    ramie::runtime carrier({.workers = 1});
    ramie::binary_semaphore never(0);
    ramie::notify told;
    std::jthread const other([&] {
        CHECK_FALSE(never.try_acquire_for(a_while));
        told.notify_one();
    });
    CHECK(goes_on([&] { carrier.block_on([&] { told.wait(); }); }));
}

TEST_CASE("standstill: not while tasks run, and not without any") {
    ramie::runtime carrier({.workers = 2});
    CHECK(goes_on([&] { std::this_thread::sleep_for(a_while); }));
    CHECK(goes_on([&] {
        carrier.block_on([&] {
            auto const until = std::chrono::steady_clock::now() + a_while;
            auto [tx, rx] = ramie::channel<int>(1);
            auto echo = ramie::spawn([&rx = rx] { while (rx.receive()) {} });
            while (std::chrono::steady_clock::now() < until) (void)tx.send(1);
            tx.close();
            (void)echo.join();
        });
    }));
}

TEST_CASE("report_deadlocks: prints a dump with the circle on stderr, once (forks)") {
    ramie::runtime({.workers = 1}).block_on([] {});  // this thread has waited before it forks
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    auto const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        ramie::runtime carrier({.workers = 1, .report_deadlocks = true});
        ramie::mutex m;
        carrier.block_on([&] {
            std::lock_guard const held(m);
            (void)ramie::spawn({.name = "locker"}, [&] { std::lock_guard const held_too(m); }).join();
        });
        ::_exit(1);
    }
    ::close(ends[1]);
    std::string text;
    char some[4096];
    while (text.find("end of the dump") == std::string::npos) {
        auto const n = ::read(ends[0], some, sizeof some);
        REQUIRE(n > 0);
        text.append(some, static_cast<std::size_t>(n));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    CAPTURE(text);
    CHECK(text.starts_with(standstill::headline));
    CHECK(text.find("\"locker\": waits for mutex ") != std::string::npos);
    auto const circle = text.find("DEADLOCK");
    REQUIRE(circle != std::string::npos);
    CHECK(text.find(" waits for join of task ", circle) != std::string::npos);
}
