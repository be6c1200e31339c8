// An open file whose system calls block the thread. They run on the blocking pool, and a fiber may give up on them.
//
// A system call that runs cannot be stopped, but the fiber that asked for it can: an abort, a timeout or close() ends
// its wait. So a call never touches memory of the fiber. It owns, by shared pointers, all it needs: the file, and a
// buffer. Before a write the fiber copies into that buffer; after a read it copies from it. The copy is the price of a
// wait that can always end.
//
//   the asker (ask)                                  the call (on a thread of the pool)
//   1. waits until no call is left behind            a. makes the system call
//   2. counts itself a user, queues the call         b. under the lock: notes the answer and `done`; users_ - 1;
//   3. waits until `done` or closed                     left_behind_ - 1 if it was left behind
//   4a. done: takes the answer                       c. wakes its asker, or the askers in 1
//   4b. else, under the lock: leaves the call        The last user of a closed file gives the number back.
//       behind; then asks the pool to drop it, which helps if it has not started
//
// Calls of several askers run at once. But no call begins while another is left behind, so a write that was given up
// never overwrites a later one. Bytes that a call had read when it was left behind are kept for the next reader, if the
// file cannot give them again (`kept`).
#pragma once

#include "ready/unique_fd.hpp"

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/intrusive_list.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <system_error>

namespace ramie::detail {

// The most bytes that one call moves: it needs a copy of that size.
inline constexpr std::size_t most_at_once = 256 * 1024;

class pool_file : public std::enable_shared_from_this<pool_file> {
  public:
    // Returns a count, or -errno. The token is stopped when the call is left behind.
    using system_call = std::function<long(int fd, std::stop_token const& left)>;

    explicit pool_file(unique_fd fd) noexcept : fd_(std::move(fd)) {}
    pool_file(pool_file const&) = delete;
    pool_file& operator=(pool_file const&) = delete;
    ~pool_file();

    // From a fiber: on the pool, as above. From a plain thread: on that thread. Suspension point.
    std::expected<std::size_t, std::error_code> ask(char const* what, system_call call) {
        return ask(what, std::move(call), nullptr);
    }
    // A read at the file's own position, of up to `size` bytes. The position is the system's, so bytes that an
    // abandoned call has read are given first.
    using read_call = std::function<long(int fd, std::span<std::byte> into, std::stop_token const& left)>;
    std::expected<std::size_t, std::error_code> read_on(std::span<std::byte> into, read_call read);

    // Waiting fibers return; the number is given back when the last call has ended.
    void close() noexcept;
    // -1 once closed.
    int fd() const noexcept;

  private:
    struct pool_call;
    class ticket;

    std::expected<std::size_t, std::error_code> ask(char const* what, system_call call,
                                                    std::shared_ptr<std::byte[]> kept);
    // With the lock held.
    std::ptrdiff_t take_unclaimed(std::span<std::byte> into) noexcept;
    void keep(std::shared_ptr<pool_call> const& c) noexcept;

    void finish(std::shared_ptr<pool_call> const& c, long answer) noexcept;
    void leave(pool_call& c) noexcept;
    bool closed_by_last_user() noexcept { return closed_ && users_ == 0 && fd_.get() >= 0; }

    mutable word_lock lock_;
    // All under lock_.
    unique_fd fd_;
    bool closed_ = false;
    unsigned users_ = 0;        // calls that may use the number
    unsigned left_behind_ = 0;
    wait_queue settled_;        // askers that wait for left_behind_ == 0
    intrusive_list<pool_call> under_way_;
    std::shared_ptr<pool_call> unclaimed_;  // reads that ended after they were left behind, oldest first
};

}  // namespace ramie::detail
