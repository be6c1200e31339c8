#include "ready/interest_set.hpp"

#include "libc/libc_calls.hpp"

#include "call/bare_call.hpp"
#include "call/simulated_call.hpp"
#include "posix/foreign_descriptor.hpp"
#include "ready/watching_driver.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>
#include <ramie/detail/simulation/stage.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <string_view>

#include <sys/epoll.h>
#include <sys/syscall.h>

namespace ramie::detail {

interest_set& interest_set::current(char const* verb) {
    auto const is_for_sockets = [](std::string_view v) { return v.starts_with("tcp_") || v.starts_with("udp_"); };
    if (this_stage() != nullptr && !is_for_sockets(verb))
        refuse_in_simulation(verb, "only TCP, UDP and names are simulated, and what the system does is not the same each time");
    return static_cast<watching_driver&>(current_driver(verb)).interest();
}

namespace {

[[noreturn]] void no_set() { throw std::system_error(errno, std::system_category(), "ramie: no epoll set"); }

}  // namespace

interest_set::interest_set() : epoll_(above_standard(::epoll_create1(EPOLL_CLOEXEC))) {
    if (epoll_.get() < 0) no_set();
}

void interest_set::watch_own(int fd, own which, std::uint32_t events) {
    epoll_event all{};
    all.events = events;
    all.data.u64 = std::uint64_t{static_cast<std::uint8_t>(which)} << 32 | own_tag;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &all) != 0) no_set();
}

interest_set::interest_set(of_simulation) {}

interest_set::~interest_set() {
    for (auto& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
}

// Never inlined: it reads errno, and its callers may have been on another thread before.
RAMIE_NOIPA std::expected<owned_descriptor, std::error_code> interest_set::add(unique_fd fd, bool readable) {
    auto& d = take();
    d.watched_by_ = shared_from_this();
    d.fd_ = fd.release();
    d.use_.store(0, std::memory_order_relaxed);
    auto const generation = d.readiness.begin(readable);
    owned_descriptor owned(d);
    size_.fetch_add(1, std::memory_order_relaxed);
    if (abandoned_.load(std::memory_order_seq_cst)) d.readiness.unwatch();  // pairs with abandon()
    if (epoll_.get() < 0) return add_simulated(std::move(owned), generation);
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

std::expected<owned_descriptor, std::error_code> interest_set::add_simulated(owned_descriptor d, std::uint32_t generation) {
    if (!simulated_call::is_for(d.get()->fd_))
        refuse_in_simulation("a socket of the system", "what it does is not the same each time");
    if (!simulated_call::watch(d.get()->fd_, *d.get(), generation))
        return std::unexpected(std::make_error_code(std::errc::bad_file_descriptor));
    return d;
}

namespace {

// What follows returns the number of reports; less than 0: there are none.

long wait_ms(int epoll, std::span<epoll_event> into, int most) noexcept {
#if RAMIE_BARE_CALLS
    return bare_call(SYS_epoll_wait, epoll, into.data(), into.size(), most);
#else
    return libc().epoll_wait(epoll, into.data(), static_cast<int>(into.size()), most);
#endif
}

// -ENOSYS: Linux before 5.11, or a build whose sanitizer would not see the call; -EPERM: a sandbox whose profile is older than it.
long wait_ns(int epoll, std::span<epoll_event> into, timespec const* most) noexcept {
#if RAMIE_BARE_CALLS
    return bare_call(SYS_epoll_pwait2, epoll, into.data(), into.size(), reinterpret_cast<long>(most));
#else
    (void)epoll, (void)into, (void)most;
    return -ENOSYS;
#endif
}

std::span<epoll_event const> reported(std::span<epoll_event> batch, long count) noexcept {
    return batch.first(static_cast<std::size_t>(std::max(count, 0l)));
}

}  // namespace

unsigned interest_set::harvest() noexcept {
    epoll_event batch[batch_size];
    return give_out(reported(batch, wait_ms(epoll_.get(), batch, 0)));
}

bool interest_set::sleep(timespec const* most, unsigned& into) noexcept {
    epoll_event batch[batch_size];
    auto const count = most == nullptr ? wait_ms(epoll_.get(), batch, -1) : wait_ns(epoll_.get(), batch, most);
    if (most != nullptr && count < 0 && count != -EINTR) return false;
    into = give_out(reported(batch, count));
    return true;
}

unsigned interest_set::give_out(std::span<epoll_event const> reports) noexcept {
    auto const is_own = [](std::uint64_t tag) { return static_cast<std::uint32_t>(tag) == own_tag; };
    prefetch_reports(reports, [&](std::uint64_t tag) {
        bool const is_slot = !is_own(tag) && (tag & foreign_table::tag_bit) == 0;
        return is_slot ? &slot(static_cast<std::uint32_t>(tag)) : nullptr;
    });
    unsigned own_ones = 0;
    for (auto const& report : reports) {
        auto const tag = report.data.u64;
        if (is_own(tag)) own_ones |= 1u << (tag >> 32);
        else if ((tag & foreign_table::tag_bit) != 0) foreign_table::raise(tag, report.events);
        else slot(static_cast<std::uint32_t>(tag)).readiness.raise(static_cast<std::uint32_t>(tag >> 32), report.events);
    }
    return own_ones;
}

int interest_set::number_of(void const* registration) const noexcept {
    auto const at = reinterpret_cast<std::uintptr_t>(registration);
    for (std::uint32_t chunk = 0; chunk < most_chunks; ++chunk) {
        auto const* const slots = chunks_[chunk].load(std::memory_order_acquire);  // pairs with the release in grow()
        auto const within = at - reinterpret_cast<std::uintptr_t>(slots);
        if (slots == nullptr || within / sizeof(descriptor) >= chunk_size(chunk)) continue;
        auto const& d = slots[within / sizeof(descriptor)];
        return &d.readiness == registration ? d.fd_ : -1;
    }
    return -1;
}

void interest_set::abandon() noexcept {
    // seq_cst: pairs with add(). Either add() sees it, or the loop below sees add()'s descriptor and unwatches it.
    abandoned_.store(true, std::memory_order_seq_cst);
    if (epoll_.get() >= 0) foreign_table::abandon(*this);
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
