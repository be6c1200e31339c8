#include "net/accept_attempt.hpp"

#include "call/operation.hpp"
#include "call/socket_call.hpp"
#include "ready/interest_set.hpp"
#include "ready/shortage.hpp"

#include <ramie/detail/task/after.hpp>

#include <algorithm>
#include <cerrno>

namespace ramie::detail {

namespace {

// A connection that failed while it was in the queue says nothing about the next one. Linux also reports its pending
// network errors here, and EPERM from a firewall. But a sandbox that forbids the call says EPERM for ever: so many in a row are
// not about peers.
constexpr int most_in_a_row = 64;
bool is_about_the_peer(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case EPERM:
        case EPROTO:
        case ENOPROTOOPT:
        case ETIMEDOUT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET: return true;
        default: return false;
    }
}

}  // namespace

bool is_shortage(std::error_code const& error) noexcept {
    if (error.category() != std::system_category()) return false;
    switch (error.value()) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOSPC:  // too many watched descriptors (epoll_ctl): this connection is lost, the next one may not be
        case ENOMEM: return true;
        default: return false;
    }
}

std::expected<owned_descriptor, std::error_code> accept_attempt(int listener, interest_set& watcher) {
    for (int turn = 1;; ++turn) {
        auto const answer = socket_call::accept(listener);
        if (answer >= 0) return watcher.add(unique_fd(answer));
        if (!is_about_the_peer(-answer) || turn == most_in_a_row) return std::unexpected(error_of(answer));
    }
}

std::expected<owned_descriptor, std::error_code> accept_next(owned_descriptor const& listener) {
    operation const mine(listener, "accept");
    if (!mine) return std::unexpected(closed_before());
    auto& scarce = shortage::of_process();
    for (auto pause = shortage::first_pause;;) {
        auto const closed_so_far = scarce.closed();
        auto const noted = mine.wait_ready(direction::read);
        if (!noted) return std::unexpected(noted.error());
        auto accepted = accept_attempt(mine.fd(), mine.watched_by());
        if (accepted) return accepted;
        if (is_shortage(accepted.error())) {
            scarce.wait(mine.self(), closed_so_far, after(pause));
            pause = std::min(pause * 2, shortage::longest_pause);
        } else if (accepted.error() != std::errc::operation_would_block) {
            return accepted;
        } else {
            mine.found_empty(direction::read, *noted);
        }
    }
}

}  // namespace ramie::detail
