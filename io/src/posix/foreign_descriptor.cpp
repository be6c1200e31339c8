#include "posix/foreign_descriptor.hpp"

#include "ready/interest_set.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/wait/line_up.hpp>
#include <ramie/this_fiber.hpp>

#include <array>
#include <bit>
#include <cerrno>
#include <mutex>

#include <fcntl.h>
#include <sys/epoll.h>

namespace ramie::detail {

namespace {

std::uint32_t events_for(direction d) noexcept {
    return d == direction::read ? EPOLLIN | EPOLLPRI | EPOLLRDHUP : EPOLLOUT;
}

int control(interest_set& by, int operation, int fd, std::uint32_t generation, std::uint32_t events) noexcept {
    epoll_event all{};
    all.events = events | EPOLLET;
    all.data.u64 = std::uint64_t{generation} << 32 | foreign_table::tag_bit | static_cast<std::uint32_t>(fd);
    return ::epoll_ctl(by.epoll_fd(), operation, fd, &all);
}

}  // namespace

bool foreign_descriptor::is_of(std::uint32_t generation) const noexcept {
    auto const now = readiness.look();
    return !now.is_closed() && now.generation() == generation;
}

foreign_descriptor::confirmed foreign_descriptor::confirm(int fd, std::uint32_t generation, direction towards,
                                                          interest_set& by) noexcept {
    std::lock_guard const held(lock_);
    if (!is_of(generation)) return confirmed::closed;
    if (watched_by_ != nullptr && watched_by_ != &by) return confirmed::use_a_copy;
    if (watched_by_ == nullptr) events_ = 0;
    events_ |= events_for(towards);
    if (watched_by_ == nullptr) return watch_anew(fd, by);
    if (control(by, EPOLL_CTL_MOD, fd, generation, events_) == 0) return confirmed::watched;
    if (errno != ENOENT) return confirmed::failed;
    readiness.close();
    events_ = events_for(towards);
    auto const next = watch_anew(fd, by);
    return next == confirmed::watched ? confirmed::look_again : next;
}

// Under the lock.
foreign_descriptor::confirmed foreign_descriptor::watch_anew(int fd, interest_set& by) noexcept {
    watched_by_ = nullptr;
    auto generation = readiness.look().generation();
    if (readiness.look().is_closed()) generation = readiness.begin();
    if (control(by, EPOLL_CTL_ADD, fd, generation, events_) == 0) {
        watched_by_ = &by;
        by.watches_foreign();
        return confirmed::watched;
    }
    switch (errno) {
    case EEXIST: return confirmed::use_a_copy;
    case EPERM: return confirmed::never_waits;
    default: return confirmed::failed;
    }
}

bool foreign_descriptor::begin_use(std::uint32_t generation) noexcept {
    std::lock_guard const held(lock_);
    if (!is_of(generation)) return false;
    ++users_;
    return true;
}

void foreign_descriptor::end_use() noexcept {
    woken_list woken;
    std::lock_guard const held(lock_);
    if (--users_ == 0) closers_.claim_all(woken);
}

void foreign_descriptor::begin_close(bool waits) noexcept {
    auto& self = waiter::self();
    lock_.lock();
    readiness.close();
    watched_by_ = nullptr;
    if (users_ == 0 || !waits) return lock_.unlock();
    abort_shield const whole;  // the users leave soon, and the number must not stay open because its closer was aborted
    (void)line_up(closers_, lock_, self, {"close", this});
}

void foreign_descriptor::end_close() noexcept {
    std::lock_guard const held(lock_);
    if (readiness.look().is_closed()) readiness.begin();
}

void foreign_descriptor::forget(interest_set const* by) noexcept {
    std::lock_guard const held(lock_);
    if (watched_by_ == nullptr || (by != nullptr && watched_by_ != by)) return;
    watched_by_ = nullptr;
    readiness.close();
    readiness.begin();
}

namespace foreign_table {

namespace {

// Each chunk is twice the size of the one before. Chunks stay until the process ends.
constexpr std::uint32_t first_chunk = 64;
constinit std::array<std::atomic<foreign_descriptor*>, 26> chunks{};

// A child's own runtimes get new entries: a thread of the parent may have been inside one of these.
home_process::child_watcher const anew(nullptr, []() noexcept {
    for (auto& each : chunks) each.store(nullptr, std::memory_order_relaxed);
});

struct place {
    std::uint32_t chunk, size, within;
};
place place_of(int fd) noexcept {
    auto const n = static_cast<std::uint32_t>(fd) + first_chunk;
    auto const chunk = static_cast<std::uint32_t>(std::bit_width(n) - std::bit_width(first_chunk));
    return {chunk, first_chunk << chunk, n - (first_chunk << chunk)};
}

}  // namespace

foreign_descriptor* find(int fd) noexcept {
    if (fd < 0) return nullptr;
    auto const p = place_of(fd);
    // acquire pairs with the release in at().
    auto* const entries = chunks[p.chunk].load(std::memory_order_acquire);
    return entries != nullptr ? &entries[p.within] : nullptr;
}

unsigned next_chunk(unsigned fd) noexcept {
    auto const p = place_of(static_cast<int>(fd));
    return fd + (p.size - p.within);
}

int number_of(void const* registration) noexcept {
    auto const at = reinterpret_cast<std::uintptr_t>(registration);
    for (std::uint32_t chunk = 0; chunk < chunks.size(); ++chunk) {
        // acquire pairs with the release in at().
        auto const* const entries = chunks[chunk].load(std::memory_order_acquire);
        auto const within = (at - reinterpret_cast<std::uintptr_t>(entries)) / sizeof(foreign_descriptor);
        auto const size = first_chunk << chunk;
        if (entries == nullptr || at < reinterpret_cast<std::uintptr_t>(entries) || within >= size) continue;
        return &entries[within].readiness == registration ? static_cast<int>(size - first_chunk + within) : -1;
    }
    return -1;
}

foreign_descriptor* at(int fd) {
    if (auto* const entry = find(fd)) return entry;
    if (::fcntl(fd, F_GETFD) < 0) return nullptr;
    auto const p = place_of(fd);
    auto made = std::make_unique<foreign_descriptor[]>(p.size);
    for (std::uint32_t i = 0; i < p.size; ++i) made[i].end_close();
    foreign_descriptor* there = nullptr;
    if (chunks[p.chunk].compare_exchange_strong(there, made.get(), std::memory_order_release,
                                                std::memory_order_acquire))
        there = made.release();
    return &there[p.within];
}

void raise(std::uint64_t tag, std::uint32_t events) noexcept {
    if ((events & EPOLLPRI) != 0) events |= EPOLLIN;  // fibers that wait for either are queued with the readers
    auto const number = static_cast<std::uint32_t>(tag) & ~tag_bit;
    find(static_cast<int>(number))->readiness.raise(static_cast<std::uint32_t>(tag >> 32), events);
}

void forget(int fd) noexcept {
    if (auto* const entry = find(fd)) entry->forget();
}

void abandon(interest_set const& by) noexcept {
    for (std::uint32_t chunk = 0; chunk < chunks.size(); ++chunk) {
        auto* const entries = chunks[chunk].load(std::memory_order_acquire);
        for (std::uint32_t i = 0; entries != nullptr && i < first_chunk << chunk; ++i) entries[i].forget(&by);
    }
}

}  // namespace foreign_table

}  // namespace ramie::detail
