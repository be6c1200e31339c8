// One I/O operation of a fiber or thread, from its entry to its return:
//     operation const mine(descriptor_, "read");         // abort point; yields if the fiber's budget is used up
//     if (!mine) return closed;                          // EBADF
//     for (;;) {
//         auto const noted = mine.wait_ready(direction::read);   // suspension point
//         if (!noted) return noted.error();              // ECANCELED: closed meanwhile, or the runtime is gone
//         ... system call; if it says EAGAIN: mine.found_empty(direction::read, *noted), and again
//     }
// While it lives, the descriptor's number is not given back. It touches only the descriptor, so the socket object
// itself may be destroyed meanwhile.
#pragma once

#include "ready/descriptor.hpp"

#include <ramie/detail/ready/owned_descriptor.hpp>

#include <expected>
#include <system_error>

namespace ramie::detail {

class operation {
  public:
    // `what` is a literal, for dumps.
    operation(owned_descriptor const& on, char const* what);
    operation(operation const&) = delete;
    operation& operator=(operation const&) = delete;
    ~operation() {
        if (used_ != nullptr) used_->end_use();
    }

    // False: the descriptor is closed, or was moved away.
    explicit operator bool() const noexcept { return used_ != nullptr; }
    int fd() const noexcept { return used_->fd(); }
    interest_set& watched_by() const noexcept { return used_->watched_by(); }
    waiter& self() const noexcept { return self_; }

    // Returns the noted readiness once an attempt is worth while, or the limit has passed.
    std::expected<readiness, std::error_code> wait_ready(direction d, time_point limit = never) const;
    // The attempt said EAGAIN.
    void found_empty(direction d, readiness noted) const noexcept { used_->readiness.clear(d, noted); }
    // A stream gave or took less than it was asked for, so the next attempt would say EAGAIN. Not if the direction has
    // ended: then the next attempt tells that.
    void found_short(direction d, readiness noted) const noexcept {
        if (!noted.ended(d)) used_->readiness.clear(d, noted);
    }

  private:
    waiter& self_;
    char const* const what_;
    void const* const on_;  // only compared and printed: the owner may be gone
    descriptor* used_ = nullptr;
};

// The error of a system call that answered `result` < 0.
inline std::error_code error_of(long result) noexcept { return {static_cast<int>(-result), std::system_category()}; }
// An operation begun on a closed descriptor.
inline std::error_code closed_before() noexcept { return std::make_error_code(std::errc::bad_file_descriptor); }

}  // namespace ramie::detail
