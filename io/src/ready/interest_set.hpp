// The descriptors that a runtime watches: an epoll set in which each one is registered once for its life, for all
// events, edge-triggered. So waiting needs no system call to arm or disarm, and any worker may add or harvest at any
// time.
//
// A report carries slot index and generation. Slots are not freed while the set lives. A harvester may hold a report
// while the descriptor is closed and its slot used again: the slot then has another generation, and the report is
// ignored.
//
// The set is held by the loop and by every slot that is taken. When the loop goes (abandon), waiting fibers are woken;
// the descriptors that are left can be used and closed, but not waited for.
//
// The idle worker in the driver sleeps in this very set. Beside the slots' descriptors it has a few that end that sleep
// (own): loop.hpp says what each is for.
#pragma once

#include "ready/descriptor.hpp"
#include "ready/unique_fd.hpp"

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ready/owned_descriptor.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <span>
#include <system_error>

#include <sys/epoll.h>
#include <time.h>

namespace ramie::detail {

class interest_set : public std::enable_shared_from_this<interest_set> {
  public:
    // Descriptors of the driver's.
    enum class own : std::uint8_t { alarm, interrupt, libuv };
    static constexpr unsigned bit(own which) noexcept { return 1u << static_cast<unsigned>(which); }

    // Throws std::system_error.
    interest_set();
    // For the sockets of a simulation, which report changes themselves: the kernel is not asked.
    struct of_simulation {};
    explicit interest_set(of_simulation);
    interest_set(interest_set const&) = delete;
    interest_set& operator=(interest_set const&) = delete;
    ~interest_set();

    // The set of the runtime that the caller belongs to; throws no_runtime, naming the verb.
    static interest_set& current(char const* verb);

    // Registers a descriptor; closes it on failure. `readable`: whether a first read is tried before any report.
    std::expected<owned_descriptor, std::error_code> add(unique_fd fd, bool readable = true);

    // Before the first turn. `events`: with EPOLLET one caller of the two below learns of it, and must tell the others if
    // the report was not for itself. Throws std::system_error.
    void watch_own(int fd, own which, std::uint32_t events);

    // Makes the fibers runnable that wait for what is ready now: one batch; the kernel reports the rest next time, in
    // turn. Returns the bits of its own descriptors that were reported. Any number of callers; on an OS thread's own
    // stack.
    unsigned harvest() noexcept;
    // Sleeps for `most` (null: no limit) or until something is ready, then does the same. False: this system, or this
    // build, cannot sleep for a time given in nanoseconds (a null `most` never fails).
    [[nodiscard]] bool sleep(timespec const* most, unsigned& reported) noexcept;
    // The number of the descriptor whose registration that is, in use or not; -1: it is none of this set's.
    int number_of(void const* registration) const noexcept;
    int epoll_fd() const noexcept { return epoll_.get(); }
    // Descriptors registered; its own are not counted.
    std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    // A fiber waits for a descriptor that is not ours (foreign_descriptor.hpp).
    void watches_foreign() noexcept { foreign_.store(true, std::memory_order_relaxed); }
    bool is_empty() const noexcept { return size() == 0 && !foreign_.load(std::memory_order_relaxed); }

    // The loop goes: there are no harvests any more.
    void abandon() noexcept;

  private:
    friend class descriptor;
    // As many as a worker runs between two harvests. Reports that are taken too early wait in run queues, which
    // overflow and lose the order that the kernel keeps: batches of 256 doubled p99 with 1000 busy connections
    // (docs/rationale.md).
    static constexpr int batch_size = 60;
    static constexpr std::uint32_t first_chunk = 64;
    static constexpr std::uint32_t most_chunks = 25;  // each twice the size of the one before: 2^31 slots
    // In the low half of a tag, where others have a slot's index or a descriptor's number; the high half says which.
    static constexpr std::uint32_t own_tag = ~std::uint32_t{0};

    static constexpr std::uint32_t chunk_size(std::uint32_t chunk) noexcept { return first_chunk << chunk; }
    descriptor& slot(std::uint32_t index) const noexcept;
    std::expected<owned_descriptor, std::error_code> add_simulated(owned_descriptor d, std::uint32_t generation);
    descriptor& take();
    void grow();
    void put_back(descriptor& d) noexcept;
    unsigned give_out(std::span<epoll_event const> reports) noexcept;
    void forget() noexcept { size_.fetch_sub(1, std::memory_order_relaxed); }

    unique_fd const epoll_;
    std::atomic<std::size_t> size_{0};
    std::atomic<bool> abandoned_{false};
    std::atomic<bool> foreign_{false};
    word_lock lock_;
    descriptor* free_ = nullptr;  // under lock_
    plain_mutex growing_;
    std::uint32_t chunk_count_ = 0;  // under growing_
    std::array<std::atomic<descriptor*>, most_chunks> chunks_{};
};

}  // namespace ramie::detail
