// Calls that end a descriptor, or give its number to another file.
#include "blocking_call.hpp"
#include "libc_calls.hpp"

#include <ramie/detail/stay.hpp>
#include <ramie/posix.hpp>

#include <optional>

namespace ramie {

namespace {

// Whoever waits for the number leaves with EBADF before `end` gives it to somebody else.
template <class End>
int after_all_left(int fd, End&& end) noexcept {
    auto* const self = detail::calling_fiber();
    auto* const entry = detail::foreign_table::find(fd);
    if (entry == nullptr) return end();
    std::optional<detail::stay> here;
    if (self != nullptr) here.emplace(*self);
    entry->begin_close(self != nullptr);
    auto const result = end();
    entry->end_close();
    return result;
}

}  // namespace

int posix::close(int fd) {
    return after_all_left(fd, [&] { return detail::libc().close(fd); });
}

int posix::dup2(int from, int to) {
    if (from == to) {
        detail::calling_fiber();  // its share
        return detail::libc().dup2(from, to);
    }
    return after_all_left(to, [&] { return detail::libc().dup2(from, to); });
}

int posix::dup3(int from, int to, int flags) {
    if (from == to) {
        detail::calling_fiber();  // its share
        return detail::libc().dup3(from, to, flags);
    }
    return after_all_left(to, [&] { return detail::libc().dup3(from, to, flags); });
}

}  // namespace ramie
