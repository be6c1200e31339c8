// Waiting for any of many descriptors, for poll and its kin:
//     news any(self, "poll");
//     for (;;) {
//         if (!any.expect(fds)) return -1;               // (1) queue in all of them
//         if (int n = libc().poll(fds, 0)) return n;     // (2) look; not needed if any.all_asked()
//         if (any.wait(limit)) ...                       // (3) park until something is reported
//         if (int n = libc().poll(fds, 0)) return n;
//     }
// If a descriptor becomes ready before (2), (2) sees it; if after (1), it ends (3). The kernel is asked about each
// number only once (foreign_descriptor::confirm): in the first round, and after the number has been closed. Its answer
// contains all events that are ready, also those that the caller did not ask for; a caller that asks for POLLPRI while
// there is ordinary data would otherwise loop without end.
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

    // The list is the same each time. False: errno says why. Throws std::bad_alloc.
    [[nodiscard]] bool expect(std::span<pollfd const> fds);
    // In this round the kernel was asked about all numbers: what was ready before ends the wait, too.
    bool all_asked() const noexcept { return all_asked_; }
    // 0: an event was reported. Else as park_here().
    [[nodiscard]] int wait(time_point limit, after_handler rule = after_handler::ends) noexcept;

  private:
    struct place {
        foreign_descriptor* entry;
        int number;
        direction towards;
        std::uint32_t asked_in;  // the generation in which the kernel was asked; 0: never
        std::optional<wait_node> node;
    };

    void set_up(std::span<pollfd const> fds);
    bool queue_at(place& p, class interest_set& watcher);
    void withdraw() noexcept;

    waiter& self_;
    char const* const what_;
    std::byte few_[1024];
    std::pmr::monotonic_buffer_resource memory_{few_, sizeof few_};
    std::pmr::vector<place> places_{&memory_};
    std::pmr::vector<int> copies_{&memory_};
    std::uint64_t generation_ = 0;  // of the wait; a node may end it while others are still being queued
    bool is_set_up_ = false;
    bool all_asked_ = false;
    bool not_open_ = false;  // one of the numbers is not open
    bool at_once_ = false;  // something changed while the nodes were queued: no wait
};

}  // namespace ramie::detail
