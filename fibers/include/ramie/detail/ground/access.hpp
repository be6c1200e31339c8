// How the library reaches the private parts of its public classes: each befriends this class, and no other.
#pragma once

#include <ramie/detail/ground/language.hpp>

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
    // Of a deadline_passed.
    template <class Exception>
    static auto* scope(Exception const& e) noexcept {
        return e.scope_;
    }
};

}  // namespace ramie::detail
