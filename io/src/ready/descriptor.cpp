#include "ready/descriptor.hpp"

#include "call/simulated_call.hpp"
#include "libc/libc_calls.hpp"
#include "ready/interest_set.hpp"
#include "ready/shortage.hpp"

#include <ramie/detail/machine/home_process.hpp>

#include <utility>

namespace ramie::detail {

namespace {
void close_number(int fd) noexcept {
    if (simulated_call::is_for(fd)) simulated_call::close(fd);
    else libc().close(fd);
}
}  // namespace

bool descriptor::begin_use() noexcept {
    auto w = use_.load(std::memory_order_relaxed);
    do {
        if ((w & closed) != 0) return false;
        // relaxed: the number was written before the owner was handed to us.
    } while (!use_.compare_exchange_weak(w, w + one_user, std::memory_order_relaxed));
    return true;
}

void descriptor::end_use() noexcept {
    // release by each user: its use of the number comes before the close. acquire by the last user, which closes it.
    auto const left = use_.fetch_sub(one_user, std::memory_order_acq_rel) - one_user;
    if (left < one_user && (left & closed) != 0) give_back();
}

// In a child the copied counts of users and waiters never fall, and no other thread uses the number.
void descriptor::close_in_child() noexcept {
    use_.fetch_or(closed, std::memory_order_relaxed);
    if (auto const number = std::exchange(fd_, -1); number >= 0) close_number(number);
}

void descriptor::close() noexcept {
    if (!home_process::is_here()) [[unlikely]] return close_in_child();
    auto w = use_.load(std::memory_order_relaxed);
    do {
        if ((w & closed) != 0) return;
    } while (!use_.compare_exchange_weak(w, (w | closed) + one_user, std::memory_order_relaxed));
    readiness.close();
    shortage::of_process().wake_all();  // an acceptor that sits out a shortage is a user too
    end_use();
}

void descriptor::drop() noexcept {
    close();
    if (!home_process::is_here()) [[unlikely]] return;  // the slot is not freed either
    // acq_rel: of this and give_back(), the second one has seen all that the first one did.
    if ((use_.fetch_or(dropped, std::memory_order_acq_rel) & gone) != 0) free_slot();
}

void descriptor::give_back() noexcept {
    if (!home_process::is_here()) [[unlikely]] return;
    // close() also takes it out of the epoll set, unless it was duplicated: then its reports are ignored, by their
    // generation.
    close_number(std::exchange(fd_, -1));
    watched_by_->forget();
    shortage::of_process().wake_all();
    if ((use_.fetch_or(gone, std::memory_order_acq_rel) & dropped) != 0) free_slot();
}

void descriptor::free_slot() noexcept {
    auto const until_done = std::move(watched_by_);
    until_done->put_back(*this);
}

}  // namespace ramie::detail
