// Children that outlive their child object are reaped here when they end, so that none stays a zombie.
//
// One thread for all runtimes of the process, and only while there are orphans: it waits on an epoll set of their
// pidfds. The set is made with the first child, where a failure can still be reported, and lives as long as there are
// children or orphans; so is each child's place among the orphans, since they come by destructors. If the thread cannot be
// started, the next orphan or the next child tries again. An orphan that the set has no room for is looked at by the
// thread every 100 ms.
#pragma once

#include <ramie/detail/ready/owned_descriptor.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include "ready/unique_fd.hpp"

#include <map>
#include <memory>
#include <mutex>

#include <sys/types.h>

namespace ramie::detail {

class orphanage : public std::enable_shared_from_this<orphanage> {
    struct orphan {
        owned_descriptor pidfd;
        bool watched = false;  // in the set
    };
    using orphans = std::map<pid_t, orphan>;

  public:
    using place = orphans::node_type;

    // The process's. Throws std::system_error.
    static std::shared_ptr<orphanage> of_process();

    orphanage();
    orphanage(orphanage const&) = delete;
    orphanage& operator=(orphanage const&) = delete;

    static place make_place();
    void adopt(pid_t pid, owned_descriptor pidfd, place) noexcept;
    // Starts the thread if there are orphans.
    void look_after_them() noexcept;

  private:
    void start_if_needed() noexcept;
    enum class which { unwatched, all };
    void reap_ended(which) noexcept;
    void keep() noexcept;
    void keep_by_signals() noexcept;

    pid_t const process_;
    plain_mutex mutex_;
    unique_fd const epoll_;
    orphans children_;
    bool kept_ = false;        // the thread runs, which keeps this object
    std::shared_ptr<orphanage> without_thread_;  // keeps it if there is none to be had
    bool by_signals_ = false;  // there are no pidfds here: the thread waits for SIGCHLD
    bool unwatched_ = false;   // some of them are not in the set
};

}  // namespace ramie::detail
