// The parking lot, when a fiber insists on a lock: the others let it go first, and then wait as before.
#include "pthread_support.hpp"

#include "lot/lot_wait.hpp"

#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

using namespace ramie::testing;
using namespace std::chrono_literals;
namespace parking_lot = ramie::detail::parking_lot;
using ramie::detail::lot_wait;

namespace {

// A lock that is free when the test says so.
struct lock {
    bool is_free = false;
    int attempts = 0;
    static int attempt(void* at) noexcept {
        auto& self = *static_cast<lock*>(at);
        ++self.attempts;
        return self.is_free ? 0 : static_cast<int>(lot_wait::again);
    }
    lot_wait waiting(bool insists, void const* address) {
        lot_wait w;
        w.address = address;
        w.attempt = attempt;
        w.argument = this;
        w.what = "a test's lock";
        w.is_lock = true;
        w.insists = insists;
        return w;
    }
};

// Waits for `l`, and was woken in vain so often that it insists.
ramie::join_handle<void> one_that_insists(lock& l) {
    auto insists = ramie::spawn([&l] { CHECK(parking_lot::wait(l.waiting(true, &l)) == 0); });
    ramie::this_fiber::yield();
    while (parking_lot::counters.insisting == 0) {
        (void)parking_lot::wake(&l, ramie::detail::lot_wake::one);
        ramie::this_fiber::yield();
    }
    return insists;
}

}  // namespace

TEST_CASE("parking lot: a fiber that has let another one go first looks seldom again afterwards") {
    on_one_thread([] {
        lock first, second;
        auto insists = one_that_insists(first);
        auto polite = ramie::spawn([&] { CHECK(parking_lot::wait(second.waiting(false, &first)) == 0); });
        while (second.attempts == 0) ramie::this_fiber::sleep_for(1ms);  // its time of politeness is over
        first.is_free = true;
        (void)parking_lot::wake(&first, ramie::detail::lot_wake::all);
        insists.get();
        CHECK(parking_lot::counters.insisting == 0);
        auto const before = second.attempts;
        ramie::this_fiber::sleep_for(100ms);
        CHECK(second.attempts - before < 10);  // after 20 ms, 40 ms, 80 ms ...
        second.is_free = true;
        (void)parking_lot::wake(&first, ramie::detail::lot_wake::all);
        polite.get();
    });
}

TEST_CASE("parking lot: while another fiber insists for long, those that wait ask less and less often") {
    on_one_thread([] {
        lock first, second;
        auto insists = one_that_insists(first);
        auto polite = ramie::spawn([&] { CHECK(parking_lot::wait(second.waiting(false, &first)) == 0); });
        ramie::this_fiber::sleep_for(200ms);
        CHECK(second.attempts < 10);  // after 10 ms, 20 ms, 40 ms, 80 ms ...
        first.is_free = second.is_free = true;
        (void)parking_lot::wake(&first, ramie::detail::lot_wake::all);
        insists.get();
        polite.get();
    });
}
