#include "process/child_process.hpp"

#include "call/operation.hpp"
#include "libc/libc_calls.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/signals.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace ramie {

namespace detail {

RAMIE_NOIPA std::optional<child_process::outcome> reap(pid_t pid, int pidfd) noexcept {
    siginfo_t about{};
    auto const ask = [&](int kind, int id) {
        int answer = 0;
        do {
            answer = libc().waitid(static_cast<idtype_t>(kind), static_cast<id_t>(id), &about, WEXITED | WNOHANG);
        } while (answer < 0 && errno == EINTR);
        return answer;
    };
    int answer = pidfd >= 0 ? ask(P_PIDFD, pidfd) : ask(P_PID, pid);
    if (answer < 0 && pidfd >= 0 && errno == EINVAL) answer = ask(P_PID, pid);  // Linux 5.3 has pidfds, but no P_PIDFD
    if (answer < 0) return std::unexpected(std::error_code(errno, std::system_category()));
    if (about.si_pid == 0) return std::nullopt;
    if (about.si_code == CLD_EXITED) return exit_status::of_code(about.si_status);
    return exit_status::of_signal(about.si_status, about.si_code == CLD_DUMPED);
}

child_process::~child_process() {
    if (try_wait()) return;
    if (kill_at_end_) (void)send(SIGKILL);
    later_->adopt(pid_, std::move(pidfd_), std::move(place_));
}

std::optional<child_process::outcome> child_process::try_wait() {
    std::lock_guard const held(reaping_);
    if (!end_) end_ = reap(pid_, pidfd_.fd());
    return end_;
}

child_process::outcome child_process::wait() {
    if (pidfd_.get() == nullptr) return wait_for_signals();
    operation const mine(pidfd_, "a child process");
    for (;;) {
        if (auto const end = try_wait()) return *end;
        auto const noted = mine.wait_ready(direction::read);
        if (!noted) return std::unexpected(noted.error());
        if (auto const end = try_wait()) return *end;
        mine.found_empty(direction::read, *noted);
    }
}

child_process::outcome child_process::wait_for_signals() {
    (void)waiter::enter();
    try {
        if (auto const end = try_wait()) return *end;
        signals ended{SIGCHLD};
        for (;;) {
            if (auto const end = try_wait()) return *end;
            (void)ended.next();
        }
    } catch (std::system_error const& no_thread) {
        return std::unexpected(no_thread.code());
    }
}

RAMIE_NOIPA std::error_code child_process::send(int signal_number) noexcept {
    std::lock_guard const held(reaping_);
    if (end_) return std::make_error_code(std::errc::no_such_process);
    // If other code has reaped the child, the system says ESRCH.
    auto const answer = pidfd_.get() != nullptr
                            ? ::syscall(SYS_pidfd_send_signal, pidfd_.fd(), signal_number, nullptr, 0)
                            : ::kill(pid_, signal_number);
    if (answer == 0) return {};
    return {errno, std::system_category()};
}

}  // namespace detail

std::string to_string(exit_status s) {
    if (auto const code = s.code()) return "exit code " + std::to_string(*code);
    auto text = "killed by signal " + std::to_string(*s.signal());
    if (auto const* const name = ::sigdescr_np(*s.signal())) text += std::string(" (") + name + ")";
    if (s.core_dumped()) text += ", core dumped";
    return text;
}

child::child(std::unique_ptr<detail::child_process> p) noexcept : process_(std::move(p)) {}
child::child(child&&) noexcept = default;
child& child::operator=(child&&) noexcept = default;
child::~child() = default;

pid_t child::id() const noexcept { return process_ != nullptr ? process_->pid() : -1; }

std::expected<exit_status, std::error_code> child::wait() {
    if (process_ == nullptr) return std::unexpected(std::make_error_code(std::errc::no_child_process));
    in.reset();
    return process_->wait();
}

std::expected<std::optional<exit_status>, std::error_code> child::try_wait() {
    if (process_ == nullptr) return std::unexpected(std::make_error_code(std::errc::no_child_process));
    auto const end = process_->try_wait();
    if (!end) return std::nullopt;
    if (!*end) return std::unexpected(end->error());
    return **end;
}

std::expected<void, std::error_code> child::kill(int signal_number) {
    if (process_ == nullptr) return std::unexpected(std::make_error_code(std::errc::no_such_process));
    if (auto const error = process_->send(signal_number)) return std::unexpected(error);
    return {};
}

}  // namespace ramie
