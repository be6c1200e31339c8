// Descriptors that Ramie does not own: unmodified code opens, shares, duplicates and closes these numbers as it likes,
// with or without telling us. A table by number, one for the process, holds the waiters of each number.
//
// Watching. At its first wait a number is put into the interest set of the waiter's runtime, edge-triggered, under the
// tag (generation, foreign bit, number). At the next wait the number may stand for another file, so each wait asks the
// kernel again, after it has queued its node:
//     (1) note the generation, queue the node           registration's lock
//     (2) confirm(): epoll_ctl MOD with the same tag    the entry's lock; not if the generation has moved
//     (3) park
// MOD makes the kernel look at the file once more and report what is ready now, so no edge is lost between the attempt
// that said EAGAIN and (1). ENOENT means that the number stands for another file by now: a new generation begins (the
// nodes of the old one are claimed, and their waiters return EBADF), and the number is added again. Reports about the
// old file, if a duplicate keeps it alive, carry the old generation and are ignored.
//
// A number that cannot be watched itself, because it is in the interest set already (a tcp_stream's) or is watched by
// another runtime, is watched through a duplicate for the length of the wait.
//
// Closing. A call that has waited will use the number again, so it counts as a user. The closer announces the close
// (begin_close: all waiters are claimed and leave with EBADF, and no new one queues), waits until the users have gone,
// closes the number, and opens the entry for the next file that gets the number (end_close).
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
        look_again,   // the number was closed and used again since the last wait, so the attempt is worth repeating
        closed,       // the number was closed since the generation was noted
        use_a_copy,   // this number cannot be watched
        never_waits,  // a regular file or the like
        failed        // errno says why
    };
    confirmed confirm(int fd, std::uint32_t generation, direction towards, interest_set& by) noexcept;

    // For a call that has waited and will use the number again. False: closed since `generation` was noted.
    [[nodiscard]] bool begin_use(std::uint32_t generation) noexcept;
    void end_use() noexcept;

    // The number is about to be closed. `waits`: waits until it has no users.
    void begin_close(bool waits) noexcept;
    // The number was closed, and may be opened again.
    void end_close() noexcept;

    // If the number is watched: begins a new generation, unwatched. `by`: only if that set watches it.
    void forget(interest_set const* by = nullptr) noexcept;

    // Held while a fiber asks whether a blocking listener has a connection, and takes it: both must be one step.
    word_lock accepting;

  private:
    confirmed watch_anew(int fd, interest_set& by) noexcept;
    bool is_of(std::uint32_t generation) const noexcept;

    word_lock lock_;  // guards the fields below, and epoll_ctl for this number
    interest_set const* watched_by_ = nullptr;
    // The events for which the number is watched: all that were waited for in this generation. (Not all events there
    // are: most sockets are always writable, and each wait for a read would then be woken for nothing.)
    std::uint32_t events_ = 0;
    std::uint32_t users_ = 0;
    wait_queue closers_;  // wait until users_ == 0
};

namespace foreign_table {

inline constexpr unsigned largest_number = 0x7fffffff;
inline constexpr std::uint32_t tag_bit = 1u << 31;  // set beside the number; an interest set never has so many slots

// The entry of a number >= 0, made at its first use; it stays for ever. Throws std::bad_alloc. Null, and EBADF: the
// number is not open; otherwise the table would grow for numbers that do not exist.
foreign_descriptor* at(int fd);
// Null: there never was a wait for this number.
foreign_descriptor* find(int fd) noexcept;
// The number whose entry's registration that is; -1: it is none of this table's.
int number_of(void const* registration) noexcept;
// The first number of the next chunk of entries.
unsigned next_chunk(unsigned fd) noexcept;
// f(entry) for all entries that exist, of the numbers from `first` to `last`.
template <class F>
void for_each(unsigned first, unsigned last, F&& f) {
    // Entries are made in chunks, which grow with the numbers: past the last chunk there are none.
    for (auto n = first; n <= last && n <= largest_number;) {
        auto* const entry = find(static_cast<int>(n));
        if (entry != nullptr) f(*entry);
        n = entry != nullptr ? n + 1 : next_chunk(n);
    }
}
// The kernel reported these events under that tag.
void raise(std::uint64_t tag, std::uint32_t events) noexcept;
// The number was closed without notice, or other code uses it from now on: there is no wait for it any more.
void forget(int fd) noexcept;
// The runtime goes: its interest set watches no number any more.
void abandon(interest_set const& by) noexcept;

}  // namespace foreign_table

}  // namespace ramie::detail
