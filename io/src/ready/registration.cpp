#include "ready/registration.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/wait/line_up.hpp>

#include <mutex>

#include <sys/epoll.h>

namespace ramie::detail {

std::uint32_t registration::begin(bool readable) noexcept {
    auto const w = word_.load(std::memory_order_relaxed);
    auto const generation = static_cast<std::uint32_t>(w >> readiness::generation_shift) + 1;
    // Before the caller checks whether the runtime is gone; end() comes after that flag was set. An exchange, as end() is
    // one: if end() was the first of both, this reads it, and the caller sees the flag (acquire pairs with the release in
    // end()); else end() unwatches this registration like the others.
    word_.exchange(std::uint64_t{generation} << readiness::generation_shift |
                       (readable ? readiness::ready_bit(direction::read) : 0) | readiness::ready_bit(direction::write),
                   std::memory_order_acquire);
    return generation;
}

void registration::raise(std::uint32_t generation, std::uint32_t events) noexcept {
    bool const broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
    bool const read_ended = broken || (events & EPOLLRDHUP) != 0;
    bool const urgent = (events & EPOLLPRI) != 0;
    bool const readable = read_ended || urgent || (events & EPOLLIN) != 0;
    bool const writable = broken || (events & EPOLLOUT) != 0;
    std::uint64_t bits = 0;
    if (readable) bits |= readiness::ready_bit(direction::read);
    if (writable) bits |= readiness::ready_bit(direction::write);
    if (read_ended || urgent) bits |= readiness::ended_bit(direction::read);
    if (broken) bits |= readiness::ended_bit(direction::write);

    auto w = word_.load(std::memory_order_relaxed);
    for (;;) {
        if (w >> readiness::generation_shift != generation) return;
        auto const next = (w & ~readiness::tick_mask) | ((w + readiness::one_tick) & readiness::tick_mask) | bits;
        // release pairs with the acquire in look().
        if (word_.compare_exchange_weak(w, next, std::memory_order_release, std::memory_order_relaxed)) break;
    }

    woken_list woken;
    lock_.lock();
    if (readable) readers_.claim_all(woken);
    if (writable) writers_.claim_all(woken);
    lock_.unlock();
    woken.resume_all();
}

void registration::clear(direction d, readiness noted) noexcept {
    constexpr auto must_agree = ~std::uint64_t{0xff};  // tick and generation
    auto w = word_.load(std::memory_order_relaxed);
    while (((w ^ noted.word_) & must_agree) == 0) {
        // relaxed: nothing is handed over, and the next raise() is ordered by being a later change of the same word.
        if (word_.compare_exchange_weak(w, w & ~readiness::ready_bit(d), std::memory_order_relaxed)) return;
    }
}

void registration::wait(waiter& self, direction d, char const* what, time_point limit) {
    self.abort_point();
    if (!home_process::is_here()) return be_unwatched();
    wait_node node(self);
    lock_.lock();
    auto const goes_on = readiness::ready_bit(d) | readiness::closed_bit | readiness::unwatched_bit;
    // relaxed: a bit that was set before its setter took the lock ahead of us is seen through the lock.
    if ((word_.load(std::memory_order_relaxed) & goes_on) != 0) {
        lock_.unlock();
        return;
    }
    last_.note(node, self);
    (void)line_up(queue(d), lock_, node, {what, this}, limit);
}

bool registration::enlist(direction d, wait_node& node, bool whenever) noexcept {
    auto const over = readiness::closed_bit | readiness::unwatched_bit;
    auto const goes_on = whenever ? over : over | readiness::ready_bit(d);
    if (!home_process::is_here()) return be_unwatched(), false;
    std::lock_guard held(lock_);
    // relaxed: as in wait().
    if ((word_.load(std::memory_order_relaxed) & goes_on) != 0) return false;
    queue(d).push_back(node);
    return true;
}

// In a child no reports come. The lock may have been copied while it was held.
void registration::be_unwatched() noexcept { word_.fetch_or(readiness::unwatched_bit, std::memory_order_relaxed); }

bool registration::withdraw(direction d, wait_node& node) noexcept {
    if (home_process::is_here()) leave_line(queue(d), lock_, node);
    return node.fired;
}

void registration::end(std::uint64_t bit) noexcept {
    // release pairs with the acquire in begin(). Those who wait see the bit through the lock.
    word_.fetch_or(bit, std::memory_order_release);
    woken_list woken;
    lock_.lock();
    readers_.claim_all(woken);
    writers_.claim_all(woken);
    lock_.unlock();
    woken.resume_all();
}

}  // namespace ramie::detail
