// What a waiter that waits for a lock waits for: the locks of this library, known by the name of the wait.
#pragma once

#include <ramie/mutex.hpp>
#include <ramie/shared_mutex.hpp>

#include <string_view>

namespace ramie::detail {

struct lock_seen {
    bool is_one = false;
    waiter const* holder = nullptr;  // null: it is just handed over, or read
};

// Of a held waiter: so the lock is still there. (The recursive ones wait for the mutex inside them.)
inline lock_seen lock_waited_for(std::string_view what, void const* object) noexcept {
    if (what == "mutex" || what == "timed_mutex" || what == "recursive_mutex" || what == "recursive_timed_mutex")
        return {true, access::holder(*static_cast<mutex const*>(object))};
    if (what.starts_with("shared_mutex")) return {true, access::holder(*static_cast<shared_mutex const*>(object))};
    return {};
}

}  // namespace ramie::detail
