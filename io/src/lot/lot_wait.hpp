// What libramie-hook says of a wait that libramie is to do for it in the parking lot (parking_lot.hpp). Plain data, as all
// between the two.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>

namespace ramie::detail {

struct lot_wait {
    enum : int {
        again = -1,          // attempt's answer: not yet
        outer_deadline = -2  // the wait's: a timeout around it has passed. Only of one that is abortable
    };

    void const* address = nullptr;
    // The wait ends with what this says, unless that is `again`. It is asked on the waiter's thread, with its place taken,
    // so that a wake cannot be missed; again after each wake, and now and then in between.
    int (*attempt)(void*) noexcept = nullptr;
    void* argument = nullptr;
    char const* what = nullptr;       // for dumps
    timespec const* until = nullptr;  // by `clock`; the wait ends with ETIMEDOUT, or EINVAL if it is no time. Null: no limit
    clockid_t clock = CLOCK_REALTIME;
    bool by_call = false;             // a wake is the answer, 0, and the place goes with it (a condition variable)
    bool shared = false;              // it goes on together with others of this kind (a reader)
    bool by_handlers = false;         // a signal handler may give it (lot_bell.hpp)
    bool abortable = false;           // an abort ends it with ECANCELED
    bool is_lock = false;             // who holds it is done soon, and who insists comes first
    bool insists = false;             // this one does if it is overtaken too often (parking_lot.hpp)
    std::int32_t const* owner = nullptr;  // where a lock says which thread holds it: see lot_leaver
    // How often it looks without having been woken: first, then twice as far each time, up to `seldom`. 0: never.
    std::uint32_t first_look_us = 20'000, seldom_us = 1'000'000;
    bool is_looked_for = false;       // nobody will wake it: looking is the way
    // Not 0: it ends after that long at the latest, with ECANCELED. And so does one that was aborted, or late, before it
    // began, instead of at once: for calls that are made again when they end for nothing.
    std::uint32_t at_most_us = 0;
    std::uint32_t at_most_if_aborted_us = 0;
};

// A thread that is about to give up the lock at `address` inside libc, where nobody can tell the fibers that wait for it.
// As long as this is noted, and the lock says that the thread holds it still, they look often.
struct lot_leaver {
    void const* address;
    std::int32_t owner;
    lot_leaver* prev = nullptr;
    lot_leaver* next = nullptr;
};

// What everybody looks at who changes something: one load, nearly always.
struct lot_counters {
    static constexpr unsigned buckets = 256;
    std::atomic<std::uint32_t> waiting[buckets];  // fibers, in places of addresses that meet here
    std::atomic<void const*> insisted[buckets];   // the address somebody insists on; null: none
    std::atomic<std::uint32_t> insisting;         // how many of these are set
};

inline unsigned lot_bucket(void const* address) noexcept {
    return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(address) * 0x9e3779b97f4a7c15u >> 56);
}

// How many are woken.
enum class lot_wake : std::uint8_t {
    first,   // the first; one that was told already and has not tried yet counts
    one,     // one more than those
    group,   // the first, and if it is a shared one all further shared ones up to the next that is not
    all
};

}  // namespace ramie::detail
