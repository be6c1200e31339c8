#include "posix/news.hpp"

#include "libc/libc_calls.hpp"
#include "ready/interest_set.hpp"

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/worker/stay.hpp>

#include <fcntl.h>

namespace ramie::detail {

namespace {
constexpr int for_readers = POLLIN | POLLPRI | POLLRDHUP | POLLRDNORM | POLLRDBAND;
constexpr int for_writers = POLLOUT | POLLWRNORM | POLLWRBAND;
}  // namespace

news::~news() {
    withdraw();
    auto const error = errno;
    for (int const copy : copies_) {
        foreign_table::forget(copy);
        libc().close(copy);
    }
    errno = error;
}

void news::set_up(std::span<pollfd const> fds) {
    is_set_up_ = true;
    places_.reserve(fds.size() * 2);  // nodes must not move
    for (auto const& each : fds) {
        if (each.fd < 0) continue;
        auto* const entry = foreign_table::at(each.fd);
        if (entry == nullptr) {
            not_open_ = true;
            continue;
        }
        bool const writes = (each.events & for_writers) != 0;
        // Errors and hang-ups are reported in any case.
        bool const reads = (each.events & for_readers) != 0 || !writes;
        if (reads) places_.push_back({entry, each.fd, direction::read, 0, {}});
        if (writes) places_.push_back({entry, each.fd, direction::write, 0, {}});
    }
}

bool news::expect(std::span<pollfd const> fds) {
    if (!is_set_up_)
        set_up(fds);
    else
        withdraw();
    at_once_ = not_open_;  // poll itself will report it
    all_asked_ = !not_open_;
    generation_ = self_.state.generation();
    auto& watcher = interest_set::current("a posix call");
    for (auto& each : places_) {
        if (!queue_at(each, watcher)) return false;
    }
    return true;
}

bool news::queue_at(place& p, interest_set& watcher) {
    using confirmed = foreign_descriptor::confirmed;
    for (;;) {
        auto const noted = p.entry->readiness.look();
        p.node.emplace(self_, generation_);
        if (!p.entry->readiness.enlist(p.towards, *p.node, true)) {
            p.node.reset();
            at_once_ = true;  // it is being closed
            return true;
        }
        if (p.asked_in == noted.generation()) {
            all_asked_ = false;
            return true;
        }
        switch (p.entry->confirm(p.number, noted.generation(), p.towards, watcher)) {
        case confirmed::watched: p.asked_in = noted.generation(); return true;
        case confirmed::never_waits: return true;
        case confirmed::look_again:
        case confirmed::closed: at_once_ = true; return true;
        case confirmed::failed: at_once_ = true; return errno == EBADF;  // poll itself will report EBADF
        case confirmed::use_a_copy: break;
        }
        (void)p.entry->readiness.withdraw(p.towards, *p.node);
        p.node.reset();
        auto const copy = ::fcntl(p.number, F_DUPFD_CLOEXEC, 3);
        if (copy < 0) return errno == EBADF && (at_once_ = true);
        copies_.push_back(copy);
        foreign_table::forget(copy);
        p.entry = foreign_table::at(copy);
        if (p.entry == nullptr) return errno == EBADF && (at_once_ = true);  // other code closed our copy
        p.number = copy;
    }
}

void news::withdraw() noexcept {
    for (auto& each : places_) {
        if (each.node) (void)each.entry->readiness.withdraw(each.towards, *each.node);
        each.node.reset();
    }
}

int news::wait(time_point limit, after_handler rule) noexcept {
    if (!at_once_) return park_here(self_, generation_, {what_, this}, limit, rule);
    if (self_.state.abort_requested() && !self_.masked()) return ECANCELED;
    stay const here(self_);
    carrier::this_lane()->yield();
    return limit <= carrier::now() ? EAGAIN : 0;
}

}  // namespace ramie::detail
