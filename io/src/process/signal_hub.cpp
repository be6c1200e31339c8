#include "process/signal_hub.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/wait/futex.hpp>

#include <atomic>
#include <bit>
#include <cerrno>
#include <memory>
#include <system_error>

#include <pthread.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

// Used by the handler, so they have no constructor.
constinit std::atomic<signal_set> noted{0};
constinit std::atomic<std::uint32_t> bell{0};
constinit std::atomic<signal_hub*> the_hub{nullptr};  // never destroyed: a listener may outlive main
static_assert(std::atomic<signal_set>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

void ring() noexcept {
    // release pairs with the acquire in watch(): once the ring is seen, so is the bit that was noted before it.
    bell.fetch_add(1, std::memory_order_release);
    futex_wake(bell);
}

void handle(int number) {
    int const interrupted = errno;
    // acquire pairs with the release in of_process().
    auto const* const hub = the_hub.load(std::memory_order_acquire);
    if (hub == nullptr || !hub->is_ours()) return;
    noted.fetch_or(signal_hub::bit_of(number), std::memory_order_relaxed);
    ring();
    errno = interrupted;
}

template <class F>
void for_each_signal(signal_set set, F&& f) {
    for (; set != 0; set &= set - 1) f(std::countr_zero(set) + 1);
}

}  // namespace

signal_hub& signal_hub::of_process() {
    // acquire pairs with the release below, by which another thread made it.
    if (auto* const there = the_hub.load(std::memory_order_acquire)) return *there;
    static auto const watches_forks = ::pthread_atfork(nullptr, nullptr, leave_to_child);
    (void)watches_forks;  // ENOMEM: no notice in a forked child
    auto made = std::unique_ptr<signal_hub>(new signal_hub);
    signal_hub* there = nullptr;
    if (the_hub.compare_exchange_strong(there, made.get(), std::memory_order_release, std::memory_order_acquire))
        there = made.release();
    return *there;
}

bool signal_hub::is_its_handler(void const* handler) noexcept { return handler == reinterpret_cast<void const*>(handle); }

signal_hub::signal_hub() : process_(::getpid()) {}

bool signal_hub::is_ours() const noexcept { return process_ == ::getpid(); }

void signal_hub::add(signal_listener& listener) {
    std::lock_guard const one_at_a_time(changing_);
    if (listeners_ == 0) start();
    ++listeners_;
    {
        std::lock_guard const held(lock);
        list_.push_back(listener);
    }
    signal_set done = 0;
    try {
        for_each_signal(listener.wanted(), [&](int number) {
            catch_it(number);
            done |= bit_of(number);
        });
    } catch (...) {
        for_each_signal(done, [&](int number) { leave_it(number); });
        {
            std::lock_guard const held(lock);
            list_.remove(listener);
        }
        if (--listeners_ == 0) stop();
        throw;
    }
}

void signal_hub::remove(signal_listener& listener) noexcept {
    std::lock_guard const one_at_a_time(changing_);
    for_each_signal(listener.wanted(), [&](int number) { leave_it(number); });
    {
        std::lock_guard const held(lock);
        list_.remove(listener);
    }
    if (--listeners_ == 0) stop();
}

// In the child, on its only thread. The old hub stays for those of its listeners that still exist.
void signal_hub::leave_to_child() noexcept {
    auto* const old = the_hub.exchange(nullptr, std::memory_order_relaxed);
    if (old == nullptr) return;
    for_each_signal(old->caught_.load(std::memory_order_relaxed), [&](int number) { old->hand_back(number); });
    noted.store(0, std::memory_order_relaxed);
}

// Not inlined, for errno: its callers may have moved to another thread.
RAMIE_NOIPA void signal_hub::catch_it(int number) {
    auto const i = static_cast<std::size_t>(number - 1);
    if (listeners_to_[i] == 0) {
        struct sigaction ours {};
        ours.sa_handler = handle;
        ours.sa_flags = SA_RESTART | SA_ONSTACK;  // fibers' stacks are small
        ::sigemptyset(&ours.sa_mask);
        if (::sigaction(number, &ours, &before_[i]) != 0)
            throw std::system_error(errno, std::system_category(), "ramie: sigaction");
        caught_.fetch_or(bit_of(number), std::memory_order_relaxed);
        ring();  // the thread has to unblock the signal
    }
    ++listeners_to_[i];
}

void signal_hub::leave_it(int number) noexcept {
    auto const i = static_cast<std::size_t>(number - 1);
    if (--listeners_to_[i] != 0) return;
    caught_.fetch_and(~bit_of(number), std::memory_order_relaxed);
    ring();
    hand_back(number);
}

void signal_hub::hand_back(int number) noexcept {
    auto const i = static_cast<std::size_t>(number - 1);
    struct sigaction now {};
    // If another handler has been installed since, that one stays.
    if (::sigaction(number, nullptr, &now) == 0 && now.sa_handler == handle) ::sigaction(number, &before_[i], nullptr);
}

void signal_hub::start() {
    stopping_.store(false, std::memory_order_relaxed);
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // the thread begins with this
    try {
        watcher_ = plain_thread([this] { watch(); });
    } catch (...) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void signal_hub::stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);  // relaxed: ordered by ring()
    ring();
    watcher_.join();
    noted.store(0, std::memory_order_relaxed);  // there is no listener for these
}

void signal_hub::watch() noexcept {
    ::pthread_setname_np(::pthread_self(), "ramie-signals");
    for (;;) {
        auto const rung = bell.load(std::memory_order_acquire);
        if (stopping_.load(std::memory_order_relaxed)) return;
        follow_mask();
        if (auto const come = noted.exchange(0, std::memory_order_relaxed); come != 0) hand_out(come);
        else (void)futex_wait(bell, rung);
    }
}

void signal_hub::follow_mask() const noexcept {
    sigset_t blocked;
    ::sigfillset(&blocked);
    for_each_signal(caught_.load(std::memory_order_relaxed), [&](int number) { ::sigdelset(&blocked, number); });
    ::pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
}

void signal_hub::hand_out(signal_set come) noexcept {
    woken_list woken;
    std::lock_guard const held(lock);
    list_.for_each([&](signal_listener& each) { each.hear(come, woken); });
}

}  // namespace ramie::detail
