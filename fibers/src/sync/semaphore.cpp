#include <ramie/semaphore.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>

namespace ramie {

using granted = std::expected<semaphore::permit, acquire_error>;

semaphore::~semaphore() {
    std::lock_guard const held(guard_);  // lets a late releaser out
    queue_.assert_empty("semaphore");
}

granted semaphore::try_acquire(std::size_t count) noexcept {
    wish mine(*this, count);
    if (!detail::try_obtain(mine)) return std::unexpected(acquire_error::no_permits);
    return mine.result();
}

granted semaphore::acquire(std::size_t count) { return acquire_by(count, detail::never); }

granted semaphore::acquire_by(std::size_t count, detail::time_point limit) {
    if (count > max()) [[unlikely]] refuse("is asked for", count);
    wish mine(*this, count);
    if (!detail::obtain(mine, {"semaphore", this}, limit)) return std::unexpected(acquire_error::timed_out);
    return mine.result();
}

granted semaphore::owned(granted got, std::shared_ptr<semaphore> from) noexcept {
    if (got) got->keeps_ = std::move(from);
    return got;
}

granted semaphore::acquire_owned(std::shared_ptr<semaphore> from, std::size_t count) {
    return owned(from->acquire(count), from);
}

granted semaphore::try_acquire_owned(std::shared_ptr<semaphore> from, std::size_t count) noexcept {
    return owned(from->try_acquire(count), from);
}

// Grants the free permits to the waiters that wait longest.
void semaphore::serve(detail::woken_list& woken) noexcept {
    while (auto* const first = queue_.first()) {
        auto const wanted = *static_cast<std::size_t*>(first->slot);
        if (wanted > permits_) return;
        if (!queue_.claim(*first, woken)) continue;  // its wait ended otherwise
        first->slot = nullptr;
        permits_ -= wanted;
    }
}

void semaphore::refuse(char const* verb, std::size_t count) {
    throw std::invalid_argument("ramie: a semaphore " + std::string(verb) + " " + std::to_string(count) +
                                " permits; accepted are 0 to " + std::to_string(max()));
}

void semaphore::release(std::size_t count) {
    std::size_t free = 0;
    {
        detail::woken_list woken;
        std::lock_guard const held(guard_);
        free = permits_;
        if (count <= max() && free <= max() - count) [[likely]] {
            permits_ += count;
            serve(woken);
            return;
        }
    }
    throw std::length_error("ramie: a semaphore with " + std::to_string(free) + " free permits is given " +
                            std::to_string(count) + " more; its maximum is " + std::to_string(max()));
}

void semaphore::give_back(std::size_t count) noexcept {
    detail::woken_list woken;
    std::lock_guard const held(guard_);
    if (count > std::numeric_limits<std::size_t>::max() - permits_) [[unlikely]] {
        std::fprintf(stderr, "ramie: a semaphore gets more permits back than can be counted\n");
        std::abort();
    }
    permits_ += count;
    serve(woken);
}

std::size_t semaphore::forget(std::size_t count) noexcept {
    std::lock_guard const held(guard_);
    auto const taken = std::min(count, permits_);
    permits_ -= taken;
    return taken;
}

void semaphore::close() noexcept {
    detail::woken_list woken;
    std::lock_guard const held(guard_);
    closed_ = true;
    queue_.claim_all(woken);
}

bool semaphore::is_closed() const noexcept {
    std::lock_guard const held(guard_);
    return closed_;
}

std::size_t semaphore::available() const noexcept {
    std::lock_guard const held(guard_);
    return permits_;
}

semaphore::permit semaphore::permit::split(std::size_t n) noexcept {
    permit off;
    if (n == 0 || n > count_) return off;
    off.from_ = from_;
    off.keeps_ = keeps_;
    off.count_ = n;
    count_ -= n;
    return off;
}

void semaphore::permit::merge(permit other) {
    if (other.count_ == 0) return;
    if (count_ > 0 && from_ != other.from_) throw std::logic_error("ramie: permits of different semaphores cannot be merged");
    if (count_ == 0) {
        *this = std::move(other);
        return;
    }
    if (count_ > std::numeric_limits<std::size_t>::max() - other.count_)
        throw std::length_error("ramie: permits are merged to more than can be counted");
    if (!keeps_) keeps_ = std::move(other.keeps_);
    count_ += std::exchange(other.count_, 0);
}

}  // namespace ramie
