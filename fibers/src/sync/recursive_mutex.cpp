#include <ramie/recursive_mutex.hpp>

#include <limits>
#include <string>
#include <system_error>

namespace ramie {

namespace {
constexpr auto deepest = std::numeric_limits<std::uint32_t>::max();
}

bool recursive_mutex::lock_again(detail::time_point limit, char const* what) {
    auto& self = detail::waiter::self();
    if (!inner_.held_by(self)) {
        if (!inner_.lock_limited(self, limit, what)) return false;
        depth_ = 1;
        return true;
    }
    (void)detail::waiter::enter();
    if (depth_ == deepest)
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                                std::string("ramie: a ") + what + " is locked too often");
    ++depth_;
    return true;
}

bool recursive_mutex::try_lock() noexcept {
    if (inner_.held_by(detail::waiter::self())) {
        if (depth_ == deepest) return false;
        ++depth_;
        return true;
    }
    if (!inner_.try_lock()) return false;
    depth_ = 1;
    return true;
}

}  // namespace ramie
