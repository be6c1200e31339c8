// Waiting for any of many descriptors, for poll and its kin:
//     news any(self, "poll");
//     for (;;) {
//         if (!any.expect(fds)) return -1;               // (1) queue in all of them
//         if (int n = libc().poll(fds, 0)) return n;     // (2) look; not needed if any.all_asked()
//         if (any.wait(limit)) ...                       // (3) park until something is reported
//         if (int n = libc().poll(fds, 0)) return n;
//     }
// What becomes ready before (2) is seen by (2), what becomes ready after (1) ends (3). The kernel is asked about each
// number only once (foreign_descriptor::confirm), in the first round and whenever the number has been closed since: it
// answers with all that is ready, also with what the caller did not ask for, and a caller that asks for POLLPRI while
// there is ordinary data would go round and round.
#pragma once

#include "posix/blocking_call.hpp"

#include <memory_resource>
#include <optional>
#include <span>
#include <vector>

#include <poll.h>

namespace ramie::detail {

class news {
  public:
    news(waiter& self, char const* what) noexcept : self_(self), what_(what) {}
    news(news const&) = delete;
    news& operator=(news const&) = delete;
    ~news();

    // The same list each time. False: errno. Throws std::bad_alloc.
    [[nodiscard]] bool expect(std::span<pollfd const> fds);
    // The kernel was asked about all of them in this round: what was ready before ends the wait, too.
    bool all_asked() const noexcept { return all_asked_; }
    // 0: something was reported. Else as park_here().
    [[nodiscard]] int wait(time_point limit) noexcept;

  private:
    struct place {
        foreign_descriptor* entry;
        int number;
        direction towards;
        std::uint32_t asked_in;  // the generation in which the kernel was asked; 0: never
        std::optional<wait_node> node;
    };

    void set_up(std::span<pollfd const> fds);
    bool queue_at(place& p, class interest_set& home);
    void withdraw() noexcept;

    waiter& self_;
    char const* const what_;
    std::byte few_[1024];
    std::pmr::monotonic_buffer_resource memory_{few_, sizeof few_};
    std::pmr::vector<place> places_{&memory_};
    std::pmr::vector<int> copies_{&memory_};
    std::uint64_t generation_ = 0;  // of the wait: any of its nodes may end it while others are still being queued
    bool is_set_up_ = false;
    bool all_asked_ = false;
    bool not_open_ = false;  // one of the numbers
    bool at_once_ = false;  // something changed while we queued: not a wait
};

}  // namespace ramie::detail
