#include "lot/lot_bell.hpp"

#include "lot/parking_lot.hpp"
#include "posix/main_fiber.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <atomic>
#include <csignal>
#include <system_error>
#include <thread>

#include <pthread.h>

namespace ramie::detail::lot_bell {

namespace {

constinit atomic<std::uint32_t> rings{0};  // the thread sleeps on it
constinit std::atomic<bool> rung[lot_counters::buckets]{};
constinit std::atomic<bool> rung_for_main{false};
constinit std::atomic_flag installed = ATOMIC_FLAG_INIT;

// In a child that has runtimes of its own the thread is missing.
home_process::child_watcher const anew(nullptr, []() noexcept { installed.clear(std::memory_order_relaxed); });

[[noreturn]] void listen() noexcept {
    ::pthread_setname_np(::pthread_self(), "ramie-bell");
    for (;;) {
        // acquire, here and below, pairs with the releases of the ringers.
        auto const seen = rings.load(std::memory_order_acquire);
        for (unsigned number = 0; number < lot_counters::buckets; ++number)
            if (rung[number].exchange(false, std::memory_order_acquire)) parking_lot::wake_bucket(number);
        if (rung_for_main.exchange(false, std::memory_order_acquire)) main_fiber::answer_bell();
        (void)futex_wait(rings, seen);
    }
}

}  // namespace

void install() noexcept {
    if (installed.test(std::memory_order_relaxed) || installed.test_and_set(std::memory_order_relaxed)) return;
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // the thread begins with this
    try {
        std::thread(listen).detach();
    } catch (std::system_error const&) {
        installed.clear(std::memory_order_relaxed);  // the next wait tries again; what is posted meanwhile is found by looking
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ring(void const* address) noexcept {
    rung[lot_bucket(address)].store(true, std::memory_order_release);  // pairs with the acquire in listen()
    rings.fetch_add(1, std::memory_order_release);
    futex_wake(rings);
}

void ring_for_main() noexcept {
    rung_for_main.store(true, std::memory_order_release);  // pairs with the acquire in listen()
    rings.fetch_add(1, std::memory_order_release);
    futex_wake(rings);
}

}  // namespace ramie::detail::lot_bell
