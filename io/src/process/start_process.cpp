#include "process/start_process.hpp"

#include "ready/unique_fd.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

std::vector<char*> pointers_to(std::vector<std::string> const& texts) {
    std::vector<char*> list;
    for (auto const& each : texts) list.push_back(const_cast<char*>(each.c_str()));  // it is not written to
    list.push_back(nullptr);
    return list;
}

// What the child does before the program begins. Every call returns 0 or an errno.
class spawn_plan {
  public:
    spawn_plan() {
        then(::posix_spawn_file_actions_init(&actions_));
        then(::posix_spawnattr_init(&attributes_));
    }
    spawn_plan(spawn_plan const&) = delete;
    spawn_plan& operator=(spawn_plan const&) = delete;
    ~spawn_plan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    void descriptor(int from, int to) { then(::posix_spawn_file_actions_adddup2(&actions_, from, to)); }
    void close_from(int first) { then(::posix_spawn_file_actions_addclosefrom_np(&actions_, first)); }
    void directory(char const* path) { then(::posix_spawn_file_actions_addchdir_np(&actions_, path)); }
    void signals_and_group(bool own_group) {
        sigset_t none, all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        then(::posix_spawnattr_setsigmask(&attributes_, &none));
        then(::posix_spawnattr_setsigdefault(&attributes_, &all));
        int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        if (own_group) flags |= POSIX_SPAWN_SETPGROUP;  // 0: a group named after the child
        then(::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)));
    }
    std::expected<pid_t, std::error_code> carry_out(char* const* arguments, char* const* environment) {
        pid_t pid = -1;
        if (error_ == 0) then(::posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments, environment));
        if (error_ != 0) return std::unexpected(std::error_code(error_, std::system_category()));
        return pid;
    }

  private:
    void then(int error) noexcept {
        if (error_ == 0) error_ = error;
    }
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
    int error_ = 0;
};

}  // namespace

RAMIE_NOIPA std::expected<pid_t, std::error_code> start_process(process_start const& how) {
    spawn_plan plan;
    auto const count = static_cast<int>(how.descriptors.size());
    // A descriptor that is still to be copied may have a number that the child gets: so all are copied to higher
    // numbers first.
    std::vector<unique_fd> above;
    for (int to = 0; to < count; ++to) {
        auto const from = how.descriptors[static_cast<std::size_t>(to)];
        if (from < 0) continue;
        unique_fd copy(::fcntl(from, F_DUPFD_CLOEXEC, std::max(count, 3)));
        if (copy.get() < 0) return std::unexpected(std::error_code(errno, std::system_category()));
        plan.descriptor(copy.get(), to);
        above.push_back(std::move(copy));
    }
    plan.close_from(count);
    if (how.directory != nullptr) plan.directory(how.directory);
    plan.signals_and_group(how.own_group);
    return plan.carry_out(pointers_to(how.arguments).data(), pointers_to(how.environment).data());
}

RAMIE_NOIPA int open_pidfd(pid_t pid) noexcept {
    auto const fd = above_standard(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    return fd < 0 ? -errno : fd;
}

}  // namespace ramie::detail
