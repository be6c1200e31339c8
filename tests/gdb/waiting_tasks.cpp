// For gdb_test.py: tasks that wait in several ways, and one that ends the process with a core.
#include <ramie/channel.hpp>
#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <atomic>
#include <chrono>
#include <csignal>

namespace {

std::atomic<int> on_their_way{0};

[[gnu::noipa]] int read_below(ramie::receiver<int>& from, int depth) {
    if (depth == 0) ++on_their_way;
    auto const got = depth == 0 ? from.receive().value_or(0) : read_below(from, depth - 1);
    return got + depth;  // no tail call
}

[[gnu::noipa]] void take(ramie::mutex& which) {
    int const before_the_lock = ++on_their_way;
    which.lock();
    on_their_way -= before_the_lock;
    which.unlock();
}

// The task that dies here runs; so gdb has a thread whose frames are a task's.
[[gnu::noipa]] void fall(ramie::mutex& lock, ramie::join_handle<int>& reading, ramie::sender<int>& to) {
    std::raise(SIGABRT);
    asm volatile("" : : "r"(&lock), "r"(&reading), "r"(&to) : "memory");  // they are there
}

}  // namespace

int main() {
    ramie::run({.workers = 1, .stall_threshold = std::chrono::hours(1)}, [] {
        ramie::mutex lock;
        auto [tx, rx] = ramie::channel<int>(3);
        auto reading = ramie::spawn({.name = "reader \x1b[2J"}, [rx = std::move(rx)]() mutable { return read_below(rx, 2); });
        auto holding = ramie::spawn({.name = "holder"}, [&] {
            std::lock_guard const held(lock);
            ++on_their_way;
            ramie::this_fiber::sleep_for(std::chrono::hours(1));
        });
        while (on_their_way < 2) ramie::this_fiber::yield();
        auto locking = ramie::spawn({.name = "locker"}, [&] { take(lock); });
        // There is one worker: when this task comes to run again, the others have come to where they wait.
        while (on_their_way < 3) ramie::this_fiber::yield();
        auto new_one = ramie::spawn({.name = "not yet", .pinned = true}, [] {});
        fall(lock, reading, tx);
    });
}
