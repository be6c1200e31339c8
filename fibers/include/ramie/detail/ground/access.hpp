// How the library reaches the private parts of its public classes: each befriends this class, and no other.
#pragma once

#include <utility>

namespace ramie::detail {

struct access {
    // Calls a private constructor.
    template <class Public, class... Parts>
    static Public make(Parts&&... parts) {
        return Public(std::forward<Parts>(parts)...);
    }
    // The handle must not be empty.
    template <class Handle>
    static auto& task(Handle const& handle) {
        return handle.held();
    }
};

}  // namespace ramie::detail
