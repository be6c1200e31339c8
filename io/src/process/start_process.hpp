// Starting a program with posix_spawn: it reports a failed exec as its own error, does not copy the parent's memory,
// and undoes in the child what libraries may have done to signals and descriptors.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <sys/types.h>

namespace ramie::detail {

struct process_start {
    std::vector<std::string> const& arguments;    // the program is the first
    std::vector<std::string> const& environment;  // "NAME=VALUE"
    char const* directory = nullptr;
    // The child's descriptors 0, 1, 2, ...; -1: the same as in this process. All others are closed.
    std::vector<int> descriptors{};
    bool own_group = false;
};

// Returns the child's number. Blocks the thread until the program has begun.
std::expected<pid_t, std::error_code> start_process(process_start const& how);

// A descriptor that names the process. -errno on failure; -ENOSYS or -EPERM if the system has no pidfds.
int open_pidfd(pid_t pid) noexcept;

}  // namespace ramie::detail
