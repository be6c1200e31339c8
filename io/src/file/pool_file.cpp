#include "file/pool_file.hpp"

#include "call/operation.hpp"
#include "ready/shortage.hpp"

#include <ramie/detail/wait/await.hpp>
#include <ramie/spawn_blocking.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

namespace ramie::detail {

struct pool_file::pool_call : list_hook {
    pool_call(system_call c, std::shared_ptr<std::byte[]> k) : call(std::move(c)), kept(std::move(k)) {}

    system_call call;
    std::shared_ptr<std::byte[]> kept;  // where a read puts bytes that must not be lost
    std::size_t given = 0;              // bytes of `kept` that later readers have taken
    std::shared_ptr<pool_call> next_unclaimed;
    // Under the file's lock.
    long answer = 0;
    bool done = false;
    bool left = false;
    wait_queue asker;
};

// The right and the duty to finish a call. The pool may drop the call before it has run; then the destructor finishes
// it.
class pool_file::ticket {
  public:
    ticket(std::shared_ptr<pool_file> file, std::shared_ptr<pool_call> c) noexcept
        : file_(std::move(file)), call_(std::move(c)) {}
    ticket(ticket&&) noexcept = default;
    ticket& operator=(ticket&&) = delete;
    ~ticket() {
        if (call_ != nullptr) file_->finish(call_, -ECANCELED);
    }
    void run(std::stop_token const& left) {
        auto const answer = call_->call(file_->fd_.get(), left);
        file_->finish(std::exchange(call_, nullptr), answer);
    }

  private:
    std::shared_ptr<pool_file> file_;
    std::shared_ptr<pool_call> call_;
};

pool_file::~pool_file() {
    if (fd_.get() < 0) return;
    fd_ = unique_fd();
    shortage::of_process().wake_all();
}

std::expected<std::size_t, std::error_code> pool_file::ask(char const* what, system_call call,
                                                           std::shared_ptr<std::byte[]> kept) {
    auto& self = waiter::enter();
    auto const me = shared_from_this();
    auto const mine = std::make_shared<pool_call>(std::move(call), std::move(kept));
    {
        std::unique_lock held(lock_);
        if (closed_) return std::unexpected(closed_before());
        if (left_behind_ != 0) {
            held.unlock();
            held = await(lock_, settled_, {what, this}, never, [&] { return closed_ || left_behind_ == 0; });
            if (closed_) return std::unexpected(std::make_error_code(std::errc::operation_canceled));
        }
        ++users_;
        under_way_.push_back(*mine);
    }
    ticket its(me, mine);
    if (!self.is_fiber()) {
        its.run({});
        return mine->answer < 0 ? std::unexpected(error_of(mine->answer))
                                : std::expected<std::size_t, std::error_code>(static_cast<std::size_t>(mine->answer));
    }

    join_handle<void> job;
    try {
        job = spawn_blocking_in<blocking_share::files>(
            [t = std::move(its)](std::stop_token left) mutable { t.run(left); });
    } catch (std::system_error const& no_thread) {
        return std::unexpected(no_thread.code());
    }
    struct leaving {
        pool_file& file;
        pool_call& c;
        join_handle<void>& job;
        ~leaving() {
            file.leave(c);
            job.abort();  // no effect if the job has ended
        }
    };
    {
        leaving const unless_done{*this, *mine, job};
        (void)await(lock_, mine->asker, {what, this}, never, [&] { return mine->done || closed_; });
    }
    std::lock_guard const held(lock_);
    if (!mine->done || mine->left) return std::unexpected(std::make_error_code(std::errc::operation_canceled));
    if (mine->answer < 0) return std::unexpected(error_of(mine->answer));
    return static_cast<std::size_t>(mine->answer);
}

std::expected<std::size_t, std::error_code> pool_file::read_on(std::span<std::byte> into, read_call read) {
    auto own = std::make_shared_for_overwrite<std::byte[]>(into.size());
    // The call takes unclaimed bytes itself, on the pool: it runs after the calls that were left behind before it.
    auto call = [this, own, size = into.size(), read = std::move(read)](int fd, std::stop_token const& left) -> long {
        {
            std::lock_guard const held(lock_);
            if (auto const count = take_unclaimed({own.get(), size}); count >= 0) return count;
        }
        return read(fd, {own.get(), size}, left);
    };
    auto const count = ask("read", std::move(call), own);
    if (count && *count > 0) std::memcpy(into.data(), own.get(), *count);
    return count;
}

// -1: there are no unclaimed bytes.
std::ptrdiff_t pool_file::take_unclaimed(std::span<std::byte> into) noexcept {
    if (unclaimed_ == nullptr) return -1;
    auto& first = *unclaimed_;
    auto const left = static_cast<std::size_t>(first.answer) - first.given;
    auto const count = std::min(left, into.size());
    if (count > 0) std::memcpy(into.data(), first.kept.get() + first.given, count);
    first.given += count;
    if (count == left) unclaimed_ = std::exchange(first.next_unclaimed, nullptr);
    return static_cast<std::ptrdiff_t>(count);
}

void pool_file::keep(std::shared_ptr<pool_call> const& c) noexcept {
    auto* end = &unclaimed_;
    while (*end != nullptr) end = &(*end)->next_unclaimed;
    *end = c;
}

void pool_file::finish(std::shared_ptr<pool_call> const& c, long answer) noexcept {
    woken_list woken;
    unique_fd given_back;
    {
        std::lock_guard const held(lock_);
        c->done = true;
        c->answer = answer;
        under_way_.remove(*c);
        --users_;
        if (c->left) {
            if (c->kept != nullptr && answer >= 0) keep(c);
            if (--left_behind_ == 0) settled_.claim_all(woken);
        }
        c->asker.claim_all(woken);
        if (closed_by_last_user()) given_back = std::move(fd_);
    }
    if (given_back.get() < 0) return;
    given_back = unique_fd();
    shortage::of_process().wake_all();
}

void pool_file::leave(pool_call& c) noexcept {
    std::lock_guard const held(lock_);
    if (c.done) return;
    c.left = true;
    ++left_behind_;
}

void pool_file::close() noexcept {
    woken_list woken;
    unique_fd given_back;
    {
        std::lock_guard const held(lock_);
        if (closed_) return;
        closed_ = true;
        settled_.claim_all(woken);
        under_way_.for_each([&](pool_call& c) { c.asker.claim_all(woken); });
        if (closed_by_last_user()) given_back = std::move(fd_);
    }
    shortage::of_process().wake_all();
}

int pool_file::fd() const noexcept {
    std::lock_guard const held(lock_);
    return closed_ ? -1 : fd_.get();
}

}  // namespace ramie::detail
