// Descriptors that Ramie does not own: numbers that unmodified code opens, shares, duplicates and closes as it likes,
// with or without telling us. A table by number, one for the process, says who waits for which.
//
// Watching. At its first wait a number is put into the interest set of the waiter's runtime, edge-triggered, under the
// tag (generation, foreign bit, number). Nothing promises that the number still means that file at the next wait, so
// each wait asks again, after it has queued itself:
//     (1) note the generation, queue the node           registration's lock
//     (2) confirm(): epoll_ctl MOD with the same tag    the entry's lock; not if the generation has moved
//     (3) park
// MOD makes the kernel look at the file once more: what is ready now is reported, so no edge is lost between the
// attempt that said EAGAIN and (1). ENOENT says that the number is another file's by now: a new generation begins (the
// nodes of the old one are claimed, and their waiters say EBADF), and it is put in anew. What is still reported about
// the old file, if a duplicate keeps it alive, carries the old generation and is ignored.
//
// A number that cannot be watched under its own name, because it is in the interest set already (a tcp_stream's), or is
// watched by another runtime, is watched under a duplicate's for the length of the wait.
//
// Closing. A call that has waited will use the number again, so its user count is raised; who closes says so
// (begin_close: everybody who waits is claimed and leaves with EBADF, and nobody queues), waits until the users have
// gone, closes the number, and opens the entry for whoever gets the number next (end_close).
#pragma once

#include "ready/registration.hpp"

#include <cstddef>
#include <cstdint>

namespace ramie::detail {

class interest_set;

class foreign_descriptor {
  public:
    registration readiness;

    enum class confirmed : std::uint8_t {
        watched,      // what is ready is being reported
        look_again,   // the number was closed and used again since the last wait: so the attempt is worth repeating
        closed,       // it was closed since the generation was noted
        use_a_copy,   // it cannot be watched under this number
        never_waits,  // a regular file or the like
        failed        // errno
    };
    confirmed confirm(int fd, std::uint32_t generation, direction towards, interest_set& by) noexcept;

    // A call that has waited and will use the number again. False: closed since `generation` was noted.
    [[nodiscard]] bool begin_use(std::uint32_t generation) noexcept;
    void end_use() noexcept;

    // The number is about to be closed. `waits`: until nobody uses it.
    void begin_close(bool waits) noexcept;
    // It was closed, and may be opened again.
    void end_close() noexcept;

    // If it is watched: a new generation begins, unwatched. `by`: only if it is watched by that one.
    void forget(interest_set const* by = nullptr) noexcept;

    // Held by who asks whether a blocking listener has a connection, and takes it, which must be one step.
    word_lock accepting;

  private:
    confirmed watch_anew(int fd, interest_set& by) noexcept;
    bool is_of(std::uint32_t generation) const noexcept;

    word_lock lock_;  // guards what follows, and epoll_ctl for this number
    interest_set const* watched_by_ = nullptr;
    // What it is watched for: whatever anybody has waited for in this generation. (Most sockets are always writable,
    // and asking for that too would wake somebody for nothing at each wait for a read.)
    std::uint32_t events_ = 0;
    std::uint32_t users_ = 0;
    wait_queue closers_;  // wait until users_ == 0
};

namespace foreign_table {

inline constexpr unsigned largest_number = 0x7fffffff;
inline constexpr std::uint32_t tag_bit = 1u << 31;  // beside the number; slots of an interest set never get that far

// The entry of a number >= 0, made at its first use; it stays for ever. Throws std::bad_alloc. Null, and EBADF: nobody has
// opened it, and a table that grew for it would only hold numbers that are not there.
foreign_descriptor* at(int fd);
// Null: nobody ever waited for it.
foreign_descriptor* find(int fd) noexcept;
// The first number whose entry is made together with others than this one's.
unsigned next_chunk(unsigned fd) noexcept;
// f(entry) for all that were ever made, of the numbers from `first` to `last`.
template <class F>
void for_each(unsigned first, unsigned last, F&& f) {
    // They are made by chunks, which grow with the numbers: past the last one there are none.
    for (auto n = first; n <= last && n <= largest_number;) {
        auto* const entry = find(static_cast<int>(n));
        if (entry != nullptr) f(*entry);
        n = entry != nullptr ? n + 1 : next_chunk(n);
    }
}
// The kernel reported these events under that tag.
void raise(std::uint64_t tag, std::uint32_t events) noexcept;
// The number was closed without a word, or is used by somebody else from now on: nobody waits for it any more.
void forget(int fd) noexcept;
// The runtime goes: its interest set watches nothing any more.
void abandon(interest_set const& by) noexcept;

}  // namespace foreign_table

}  // namespace ramie::detail
