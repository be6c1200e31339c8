// What has no constructor to run: a global of these is there before any other global's constructor asks for it.
#include "early_globals.hpp"

#include <ramie/broadcast.hpp>
#include <ramie/channel.hpp>
#include <ramie/fiber_local.hpp>
#include <ramie/future.hpp>
#include <ramie/join_handle.hpp>
#include <ramie/oneshot.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/thread.hpp>
#include <ramie/watch.hpp>

#include <doctest/doctest.h>

#include <array>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

namespace {

// The compiler refuses each of these if it is not so.
constinit ramie::mutex plain;
constinit ramie::timed_mutex timed;
constinit ramie::recursive_mutex recursive;
constinit ramie::recursive_timed_mutex recursive_timed;
constinit ramie::shared_mutex shared;
constinit ramie::once_flag once;
constinit ramie::condition_variable condition;
constinit ramie::counting_semaphore<10> counting(3);
constinit ramie::binary_semaphore binary(1);
constinit ramie::semaphore permits(7);
constinit ramie::latch gate(2);
constinit ramie::barrier meeting(3);
constinit ramie::notify signal;
constinit ramie::once_cell<int> cell;
constinit ramie::once_cell<std::string> cell_of_strings;
constinit ramie::once_cell<int> made_cell(5);
constinit std::array<ramie::mutex, 3> several;
// A value of a class of one's own is no different.
struct registry {
    ramie::shared_mutex guard;
    int entries = 0;
};
constinit registry all;
// Empty ends and handles.
constinit ramie::join_handle<int> task;
constinit ramie::abort_handle aborter;
constinit ramie::scoped_task<int> scoped;
constinit ramie::thread worker;
constinit ramie::future<int> answer;
constinit ramie::shared_future<int> shared_answer;
constinit ramie::sender<int> tx;
constinit ramie::receiver<int> rx;
constinit ramie::weak_sender<int> weak;
constinit ramie::oneshot_sender<int> once_tx;
constinit ramie::oneshot_receiver<int> once_rx;
constinit ramie::watch_sender<int> watch_tx;
constinit ramie::watch_receiver<int> watch_rx;
constinit ramie::broadcast_sender<int> all_tx;
constinit ramie::broadcast_receiver<int> all_rx;
constinit ramie::semaphore::permit no_permit;
constinit ramie::fiber_local<std::string> local;

// Runs before the constructors of all other files, whatever the order in which they are linked.
struct user_before_main {
    user_before_main() {
        using ramie::testing::early;
        std::thread other([this] {
            early.counting.acquire();  // waits for release() below
            early.started.count_down();
            (void)early.meeting.arrive_and_wait();
            early.signal.wait();
            std::unique_lock held(early.plain);
            early.changed.wait(held, [] { return early.made.is_set(); });
            ++entries;
        });
        early.counting.release();
        early.started.wait();
        (void)early.meeting.arrive_and_wait();
        early.signal.notify_one();
        {
            std::scoped_lock const held(early.timed, early.recursive, early.recursive_timed, early.shared);
            auto const permit = early.permits.acquire();
            ramie::call_once(early.once, [&] { entries += permit ? 10 : 0; });
        }
        {
            std::lock_guard const held(early.plain);
            (void)early.made.set(100);
        }
        early.changed.notify_all();
        other.join();
    }
    int entries = 0;
};
[[gnu::init_priority(101)]] user_before_main user;

}  // namespace

TEST_CASE("constant initialisation: a global's constructor uses those of another file") {
    CHECK(user.entries == 11);
    CHECK(ramie::testing::early.made.get() != nullptr);
    CHECK(ramie::testing::early.permits.available() == 2);
}

TEST_CASE("constant initialisation: what was made so works as any other") {
    std::scoped_lock const held(plain, timed, recursive, recursive_timed, shared);
    CHECK_FALSE(plain.try_lock());
    for (auto& each : several) {
        CHECK(each.try_lock());
        each.unlock();
    }
    CHECK(binary.try_acquire());
    CHECK_FALSE(binary.try_acquire());
    CHECK(permits.available() == 7);
    CHECK_FALSE(gate.try_wait());
    gate.count_down(2);
    gate.wait();
    CHECK(*made_cell.get() == 5);
    CHECK(cell.set(1));
    CHECK_FALSE(task.valid());
    CHECK_FALSE(worker.joinable());
}
