// One transfer over a descriptor: try, and wait while there is nothing to be had.
#pragma once

#include "call/operation.hpp"

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <expected>
#include <system_error>

namespace ramie::detail {

// The outcome of one try.
struct attempt {
    long answer;  // a count, or -errno
    // It gave or took less than it was asked for, which here means that the next one would say EAGAIN.
    bool fell_short = false;
};

template <class Try>
attempt try_once(Try& try_it, int fd, readiness noted) {
    if constexpr (std::invocable<Try&, int, readiness>) return try_it(fd, noted);
    else return try_it(fd);
}

// Calls try_it(fd) -> attempt, or try_it(fd, readiness) if it takes the reported readiness too, until the answer is not
// EAGAIN. Suspension point.
template <class Try>
std::expected<std::size_t, std::error_code> transfer(owned_descriptor const& with, direction d, char const* what,
                                                     Try&& try_it) {
    operation const mine(with, what);
    if (!mine) return std::unexpected(closed_before());
    for (;;) {
        auto const noted = mine.wait_ready(d);
        if (!noted) return std::unexpected(noted.error());
        attempt const a = try_once(try_it, mine.fd(), *noted);
        if (a.answer >= 0) {
            if (a.fell_short) mine.found_short(d, *noted);
            return static_cast<std::size_t>(a.answer);
        }
        if (a.answer != -EAGAIN) return std::unexpected(error_of(a.answer));
        mine.found_empty(d, *noted);
    }
}

// A transfer of no bytes: still an abort point, and an error if the descriptor is closed.
std::expected<std::size_t, std::error_code> transfer_nothing(owned_descriptor const& with, char const* what);

// For calls that do not wait. call(fd) -> std::expected<..., std::error_code>.
template <class Call>
auto with_fd(owned_descriptor const& d, Call&& call) -> decltype(call(0)) {
    auto* const used = d.get();
    if (used == nullptr || !used->begin_use()) return std::unexpected(closed_before());
    auto result = call(used->fd());
    used->end_use();
    return result;
}

// The answer of a call that has no result.
inline std::expected<void, std::error_code> checked(long answer) {
    if (answer < 0) return std::unexpected(error_of(answer));
    return {};
}

}  // namespace ramie::detail
