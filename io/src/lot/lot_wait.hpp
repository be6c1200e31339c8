// A wait that libramie-hook asks libramie to do in the parking lot (parking_lot.hpp). Plain data, like everything
// between the two libraries.
#pragma once

#include "posix/main_fiber.hpp"

#include <ramie/detail/fence/atomic.hpp>

#include <cstddef>
#include <cstdint>
#include <ctime>

namespace ramie::detail {

struct lot_wait {
    enum : int {
        again = -1,          // attempt's answer: not yet
        outer_deadline = -2  // the wait's answer: a timeout around it has passed. Only if it is abortable
    };

    void const* address = nullptr;
    // The wait ends with the answer of attempt, unless that is `again`. It is called on the waiter's thread; also once
    // the waiter's place is in the queue, so that no wake is missed, then after each wake, and now and then in between.
    int (*attempt)(void*) noexcept = nullptr;
    void* argument = nullptr;
    char const* what = nullptr;       // for dumps
    timespec const* until = nullptr;  // by `clock`; the wait ends with ETIMEDOUT, or EINVAL if it is no time. Null: no limit
    clockid_t clock = CLOCK_REALTIME;
    bool by_call = false;             // a wake is the answer, 0, and the place goes with it (a condition variable)
    bool shared = false;              // it goes on together with others of this kind (a reader)
    bool by_handlers = false;         // a signal handler may give it (lot_bell.hpp)
    bool abortable = false;           // an abort ends it with ECANCELED
    after_handler on_handler = after_handler::goes_on;
    bool is_lock = false;             // its holder is done soon, and a fiber that insists comes first
    bool insists = false;             // this wait insists if it is overtaken too often (parking_lot.hpp)
    std::int32_t const* owner = nullptr;  // where a lock says which thread holds it: see lot_leaver
    // How often it looks without having been woken: first, then twice as far each time, up to `seldom`. 0: never.
    std::uint32_t first_look_us = 20'000, seldom_us = 1'000'000;
    bool is_looked_for = false;       // no wake will come: looking is the only way
    // Not 0: the wait ends after that time at the latest, with ECANCELED. The second one is for a fiber that was
    // aborted, or late, before it began to wait: it waits that long instead of ending at once. For callers that call
    // again when a wait ends without a result.
    std::uint32_t at_most_us = 0;
    std::uint32_t at_most_if_aborted_us = 0;
};

// A thread that is about to unlock the lock at `address` inside libc, where the hook cannot wake the fibers that wait
// for that lock. As long as this note exists, and the lock still names that thread as its owner, these fibers look
// often.
struct lot_leaver {
    void const* address;
    std::int32_t owner;
    lot_leaver* prev = nullptr;
    lot_leaver* next = nullptr;
};

// What every thread looks at after it has changed something: nearly always one load.
struct lot_counters {
    static constexpr unsigned buckets = 256;
    atomic<std::uint32_t> waiting[buckets];  // fibers, in places of addresses that meet here
    atomic<void const*> insisted[buckets];   // the address on which a fiber insists; null: none
    atomic<std::uint32_t> insisting;         // how many of these are set
};

inline unsigned lot_bucket(void const* address) noexcept {
    return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(address) * 0x9e3779b97f4a7c15u >> 56);
}

// How many are woken.
enum class lot_wake : std::uint8_t {
    first,   // the first; a place that was told already and has not tried since counts
    one,     // one more than the places that were told already
    group,   // the first, and if it is a shared one all further shared ones up to the next that is not
    all
};

}  // namespace ramie::detail
