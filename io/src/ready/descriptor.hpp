// An open file descriptor, its registration, and a count of its users: a slot of the interest set.
//
// The number must not be closed while a thread is in a system call with it: the next open() anywhere in the process
// could get the same number, and that call would hit the wrong file. So close() only sets a bit, and the last user
// really closes. The slot outlives the number until its owner (owned_descriptor) is gone, so that a fiber that still
// knows the slot finds it closed.
//
//   bit  0     closed    close() was called: no new user
//   bit  1     gone      the number has been given back. Set once, after the last user of a closed descriptor left
//   bit  2     dropped   the owner is gone
//   bits 3-63  users     operations under way, and close() itself
//
//   open --close--> closed, users > 0 --last leaves, closes the number--> gone --dropped--> the slot is free
//                                                                 dropped first --gone--/
// After `closed` is set users only leave, so exactly one user sees the count reach 0 with it. Of `gone` and `dropped`,
// the side that comes second sees both bits and frees the slot.
#pragma once

#include "ready/registration.hpp"
#include "ready/unique_fd.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace ramie::detail {

class interest_set;

class alignas(64) descriptor {
  public:
    // --- users ---
    // False: it is closed. True: the number stays ours until end_use().
    [[nodiscard]] bool begin_use() noexcept;
    void end_use() noexcept;
    // While in use.
    int fd() const noexcept { return fd_; }
    interest_set& watched_by() const noexcept { return *watched_by_; }

    // --- its owner ---
    // Waiting fibers return at once; the last user gives the number back. May be called by any user of the owner, and
    // again.
    void close() noexcept;
    // close(), and the owner gives the slot up.
    void drop() noexcept;

    registration readiness;

  private:
    friend class interest_set;
    static constexpr std::uint64_t closed = 1, gone = 2, dropped = 4, one_user = 8;

    void give_back() noexcept;
    void close_in_child() noexcept;
    void free_slot() noexcept;

    std::atomic<std::uint64_t> use_{closed | gone | dropped};
    int fd_ = -1;
    std::uint32_t index_ = 0;
    // Keeps the set alive as long as the slot is taken, which may be longer than the runtime.
    std::shared_ptr<interest_set> watched_by_;
    descriptor* next_free_ = nullptr;
};
static_assert(sizeof(descriptor) == 128);

}  // namespace ramie::detail
