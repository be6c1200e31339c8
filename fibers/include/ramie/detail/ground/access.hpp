// How the library reaches the private parts of its public classes: each befriends this class, and no other.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>
#include <utility>

namespace ramie::detail {

struct access {
    // Calls a private constructor.
    template <class Public, class... Parts>
    static Public make(Parts&&... parts) {
        return Public(std::forward<Parts>(parts)...);
    }
    // The task of a handle, or what the ends of a channel share. std::logic_error: it is empty (of an abort_handle: it must
    // not be).
    template <class Public>
    static auto& held(Public const& of) {
        return of.held();
    }
    // The same; null if it is empty.
    template <class Public>
    static auto& core(Public const& of) noexcept {
        return of.share_.core();
    }
    // Of a deadline_passed.
    template <class Exception>
    static auto* scope(Exception const& e) noexcept {
        return e.scope_;
    }
    // Of a receiver, under the lock of its core: whether there is something to take; and, without that lock, taking it.
    template <class Receiver>
    static bool is_ready(Receiver const& by) noexcept {
        return by.is_ready();
    }
    template <class Receiver, class... How>
    static auto take(Receiver& by, How... how) {
        return by.take(how...);
    }
    // Of a join_set: where its members arrive.
    template <class Set>
    static auto& line(Set& of) {
        return of.line();
    }
    // Of a lock: who holds it alone, or null; from any thread, as long as the lock is there.
    template <class Lock>
    static auto* holder(Lock const& of) noexcept {
        return of.holder();
    }
    // Where in it that is written, for debuggers.
    template <class Lock>
    static consteval std::size_t offset_of_holder() noexcept {
        return offsetof(Lock, owner_);
    }
    // Of signals.
    template <class Signals>
    static auto& listener(Signals const& of) {
        return of.listener();
    }
};

}  // namespace ramie::detail
