// Waiting for children.
#include "call/ask_on_pool.hpp"
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"
#include "process/start_process.hpp"
#include "ready/unique_fd.hpp"

#include <ramie/posix_processes.hpp>

#include <optional>
#include <string>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace ramie {

using detail::blocking_call;
using detail::call_on_pool;
using detail::calling_fiber;
using detail::direction;
using detail::libc;
using detail::may_go_on;
using detail::waiter;

namespace {

// Parks until that process has ended. Exists only while the process can still be waited for.
class process_end {
  public:
    process_end(waiter& self, pid_t pid) noexcept : pidfd_(detail::open_pidfd(pid)) {
        if (pidfd_.get() < 0) return;
        detail::foreign_table::forget(pidfd_.get());
        call_.emplace(self, pidfd_.get(), "waitpid");
    }
    ~process_end() {
        call_.reset();
        if (pidfd_.get() >= 0) detail::foreign_table::forget(pidfd_.get());
    }
    process_end(process_end const&) = delete;
    process_end& operator=(process_end const&) = delete;

    bool is_known() const noexcept { return call_.has_value(); }
    // The process has gone already.
    bool is_gone() const noexcept { return pidfd_.get() == -ESRCH; }
    // False: errno says why.
    [[nodiscard]] bool wait() noexcept { return call_->wait(direction::read); }

  private:
    detail::unique_fd pidfd_;
    std::optional<blocking_call> call_;
};

// attempt(0) waits; attempt(WNOHANG) does not. is_pending(result): the child has not ended. The attempt is repeated
// once the pidfd is there: only then is it certain that the pidfd is the child's.
template <class Attempt, class Pending>
auto wait_for(waiter& self, pid_t pid, Attempt&& attempt, Pending&& is_pending) noexcept -> decltype(attempt(0)) {
    auto result = attempt(WNOHANG);
    if (!is_pending(result)) return result;
    process_end end(self, pid);
    if (!end.is_known() && !end.is_gone()) return call_on_pool(self, [&] { return attempt(0); });
    for (;;) {
        result = attempt(WNOHANG);
        if (!is_pending(result) || end.is_gone()) return result;
        if (!end.wait()) return -1;
    }
}

// f() on the pool. f must own all it needs: it goes on even if the caller has left.
template <class F>
int leave_to_pool(waiter& self, char const* what, F f) noexcept {
    struct outcome {
        int result, error;
    };
    if (!may_go_on(self, what)) return -1;
    detail::stay const here(self);
    try {
        auto const answer = detail::ask_on_pool<detail::blocking_share::calls>([f = std::move(f)] {
            auto const result = f();
            return outcome{result, errno};
        });
        errno = answer ? answer->error : ECANCELED;
        return answer ? answer->result : -1;
    } catch (aborted const&) { errno = ECANCELED; } catch (deadline_passed const&) {
        errno = ETIMEDOUT;
    } catch (std::bad_alloc const&) { errno = ENOMEM; } catch (std::system_error const& no_thread) {
        errno = no_thread.code().value();
    }
    return -1;
}

}  // namespace

pid_t posix::wait4(pid_t child, int* status, int options, rusage* used) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().wait4(child, status, options, used);
    if (!may_go_on(*self, "waitpid")) return -1;
    auto const attempt = [=](int more) { return libc().wait4(child, status, options | more, used); };
    if ((options & (WNOHANG | __WNOTHREAD)) != 0) return attempt(0);
    if (child > 0 && options == 0) return wait_for(*self, child, attempt, [](pid_t found) { return found == 0; });
    if (auto const found = attempt(WNOHANG); found != 0) return found;
    return call_on_pool(*self, [=] { return attempt(0); });
}

int posix::waitid(idtype_t kind, id_t id, siginfo_t* about, int options) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().waitid(kind, id, about, options);
    if (!may_go_on(*self, "waitid")) return -1;
    siginfo_t found{};
    auto const attempt = [&](int more) {
        found = {};
        return libc().waitid(kind, id, &found, options | more);
    };
    auto const is_pending = [&](int result) { return result == 0 && found.si_pid == 0; };
    auto const result = [&] {
        if ((options & (WNOHANG | __WNOTHREAD)) != 0) return attempt(0);
        bool const end_only = (options & ~WNOWAIT) == WEXITED;
        if (end_only && kind == P_PID) return wait_for(*self, static_cast<pid_t>(id), attempt, is_pending);
        if (end_only && kind == static_cast<idtype_t>(P_PIDFD)) {
            blocking_call call(*self, static_cast<int>(id), "waitid");
            for (;;) {
                auto const answer = attempt(WNOHANG);
                if (!is_pending(answer)) return answer;
                if (!call.wait(direction::read)) return -1;
            }
        }
        if (auto const answer = attempt(WNOHANG); !is_pending(answer)) return answer;
        return call_on_pool(*self, [&] { return attempt(0); });
    }();
    if (result == 0 && about != nullptr) *about = found;
    return result;
}

int posix::system(char const* command) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().system(command);
    std::optional<std::string> own;
    try {
        if (command != nullptr) own = command;
    } catch (std::bad_alloc const&) {
        errno = ENOMEM;
        return -1;
    }
    return leave_to_pool(*self, "system", [own = std::move(own)] { return libc().system(own ? own->c_str() : nullptr); });
}

int posix::pclose(std::FILE* stream) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().pclose(stream);
    return leave_to_pool(*self, "pclose", [stream] { return libc().pclose(stream); });
}

}  // namespace ramie
