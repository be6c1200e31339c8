// How the library reaches what its public classes keep from users: each befriends this class, and nothing else.
#pragma once

#include <utility>

namespace ramie::detail {

struct access {
    // By a private constructor.
    template <class Public, class... Parts>
    static Public make(Parts&&... parts) {
        return Public(std::forward<Parts>(parts)...);
    }
    // Of a join_handle or abort_handle that is not empty.
    template <class Handle>
    static auto& task(Handle const& handle) {
        return handle.held();
    }
};

}  // namespace ramie::detail
