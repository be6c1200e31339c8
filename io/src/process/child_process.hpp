// One child process: its pidfd, which is readable once it has ended, and its status once it was reaped.
//
// The pidfd names the process for good, but its number may belong to another process as soon as it is reaped; so
// signals are sent through the pidfd. It is watched like a socket. The first thread that finds it readable reaps under
// the lock; later ones find the status. If the object goes before the child was reaped, the orphanage reaps it.
//
// Where there are no pidfds (before Linux 5.3, or forbidden by a sandbox) a wait listens to every SIGCHLD, and uses the
// number, under the lock: the number is the child's until it is reaped here.
#pragma once

#include "process/orphanage.hpp"

#include <ramie/child.hpp>
#include <ramie/detail/ready/owned_descriptor.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>

#include <sys/types.h>

namespace ramie::detail {

class child_process {
  public:
    using outcome = std::expected<exit_status, std::error_code>;

    // Without a pidfd: a null one.
    child_process(pid_t pid, owned_descriptor pidfd, std::shared_ptr<orphanage> later, orphanage::place among_orphans,
                  bool kill_at_end) noexcept
        : pid_(pid), pidfd_(std::move(pidfd)), later_(std::move(later)), place_(std::move(among_orphans)), kill_at_end_(kill_at_end) {}
    // A child that the system has reaped before it could be watched.
    child_process(pid_t pid, std::error_code no_status) noexcept
        : pid_(pid), kill_at_end_(false), end_(std::unexpected(no_status)) {}
    child_process(child_process const&) = delete;
    child_process& operator=(child_process const&) = delete;
    ~child_process();

    pid_t pid() const noexcept { return pid_; }
    // Suspension point.
    outcome wait();
    // None: it still runs.
    std::optional<outcome> try_wait();
    std::error_code send(int signal_number) noexcept;

  private:
    outcome wait_for_signals();

    pid_t const pid_;
    owned_descriptor pidfd_;
    std::shared_ptr<orphanage> const later_;
    orphanage::place place_;
    bool const kill_at_end_;
    plain_mutex reaping_;
    std::optional<outcome> end_;  // under reaping_
};

// The status of an ended child, taken from the system; none: it still runs. pidfd -1: there is no pidfd. Does not wait.
std::optional<child_process::outcome> reap(pid_t pid, int pidfd) noexcept;

}  // namespace ramie::detail
