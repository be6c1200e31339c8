#include "ready/interest_set.hpp"

#include "libc/libc_calls.hpp"

#include "call/bare_call.hpp"
#include "posix/foreign_descriptor.hpp"
#include "ready/loop.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/syscall.h>

namespace ramie::detail {

interest_set& interest_set::current(char const* verb) { return static_cast<loop&>(current_driver(verb)).interest(); }

interest_set::interest_set(int alarm_fd) : epoll_(above_standard(::epoll_create1(EPOLL_CLOEXEC))) {
    epoll_event alarm{};
    alarm.events = EPOLLIN | EPOLLET;
    alarm.data.u64 = alarm_tag;
    if (epoll_.get() < 0 || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, alarm_fd, &alarm) != 0)
        throw std::system_error(errno, std::system_category(), "ramie: no epoll set");
}

interest_set::~interest_set() {
    for (auto& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
}

// Never inlined: it reads errno, and its callers may have been on another thread before.
RAMIE_NOIPA std::expected<owned_descriptor, std::error_code> interest_set::add(unique_fd fd, bool readable) {
    auto& d = take();
    d.home_ = shared_from_this();
    d.fd_ = fd.release();
    d.use_.store(0, std::memory_order_relaxed);
    auto const generation = d.readiness.begin(readable);
    owned_descriptor owned(d);
    size_.fetch_add(1, std::memory_order_relaxed);
    if (abandoned_.load(std::memory_order_seq_cst)) d.readiness.unwatch();  // pairs with abandon()
    epoll_event all{};
    all.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    all.data.u64 = std::uint64_t{generation} << 32 | d.index_;
    foreign_table::forget(d.fd_);  // the number is ours from now on
    auto const added = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, d.fd_, &all);
    // EEXIST: it was watched before, as a foreign descriptor.
    if (added != 0 && (errno != EEXIST || ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, d.fd_, &all) != 0))
        return std::unexpected(std::error_code(errno, std::system_category()));
    return owned;
}

// Less than 0: no reports, because a signal came.
static long look(int epoll, std::span<epoll_event> into) noexcept {
#if RAMIE_BARE_CALLS
    return bare_call(SYS_epoll_wait, epoll, into.data(), into.size(), 0);
#else
    return libc().epoll_wait(epoll, into.data(), static_cast<int>(into.size()), 0);
#endif
}

bool interest_set::harvest() noexcept {
    epoll_event batch[batch_size];
    auto const count = static_cast<std::size_t>(std::max(look(epoll_.get(), batch), 0l));
    prefetch_reports(std::span(batch, count), [this](std::uint64_t tag) {
        bool const is_slot = tag != alarm_tag && (tag & foreign_table::tag_bit) == 0;
        return is_slot ? &slot(static_cast<std::uint32_t>(tag)) : nullptr;
    });
    bool alarm = false;
    for (std::size_t i = 0; i < count; ++i) {
        auto const tag = batch[i].data.u64;
        if (tag == alarm_tag) alarm = true;
        else if ((tag & foreign_table::tag_bit) != 0) foreign_table::raise(tag, batch[i].events);
        else slot(static_cast<std::uint32_t>(tag)).readiness.raise(static_cast<std::uint32_t>(tag >> 32), batch[i].events);
    }
    return alarm;
}

void interest_set::abandon() noexcept {
    // seq_cst: pairs with add(). Either add() sees it, or the loop below sees add()'s descriptor and unwatches it.
    abandoned_.store(true, std::memory_order_seq_cst);
    foreign_table::abandon(*this);
    std::lock_guard until_done(growing_);
    for (std::uint32_t chunk = 0; chunk < chunk_count_; ++chunk) {
        auto* const slots = chunks_[chunk].load(std::memory_order_relaxed);
        for (std::uint32_t i = 0; i < chunk_size(chunk); ++i) slots[i].readiness.unwatch();
    }
}

descriptor& interest_set::slot(std::uint32_t index) const noexcept {
    auto const n = index + first_chunk;
    auto const chunk = static_cast<std::uint32_t>(std::bit_width(n) - std::bit_width(first_chunk));
    // acquire pairs with the release in grow(). The index came through the kernel, which is not known to order it.
    return chunks_[chunk].load(std::memory_order_acquire)[n - chunk_size(chunk)];
}

descriptor& interest_set::take() {
    for (;;) {
        {
            std::lock_guard held(lock_);
            if (free_ != nullptr) return *std::exchange(free_, free_->next_free_);
        }
        grow();
    }
}

void interest_set::grow() {
    std::lock_guard one_at_a_time(growing_);
    {
        std::lock_guard held(lock_);
        if (free_ != nullptr) return;
    }
    auto const chunk = chunk_count_;
    auto const size = chunk_size(chunk);
    auto slots = std::make_unique<descriptor[]>(size);
    for (std::uint32_t i = 0; i < size; ++i) {
        slots[i].index_ = size - first_chunk + i;
        slots[i].next_free_ = i + 1 < size ? &slots[i + 1] : nullptr;
    }
    chunks_[chunk].store(slots.get(), std::memory_order_release);
    ++chunk_count_;
    std::lock_guard held(lock_);
    slots[size - 1].next_free_ = free_;
    free_ = slots.release();
}

void interest_set::put_back(descriptor& d) noexcept {
    std::lock_guard held(lock_);
    d.next_free_ = std::exchange(free_, &d);
}

void owned_descriptor::drop(descriptor& d) noexcept { d.drop(); }

void owned_descriptor::close() noexcept {
    if (held_ != nullptr) held_->close();
}

int owned_descriptor::fd() const noexcept {
    if (held_ == nullptr || !held_->begin_use()) return -1;
    auto const number = held_->fd();
    held_->end_use();
    return number;
}

}  // namespace ramie::detail
