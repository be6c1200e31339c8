// What cgroups, of either version, allow this process: an amount of processor time in each period, shared by all
// processes of the group; and the same for each group around that group.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ramie::detail {

// In processors, rounded up, at least 1; none if there is no limit, or none that can be read. In a test, `root` stands
// before /proc and /sys.
std::optional<unsigned> cpu_quota(std::string const& root = {});

// --- its parts ---

struct cpu_group {
    bool first_version;
    std::string path;  // in the hierarchy of groups
    bool operator==(cpu_group const&) const = default;
};

// The group of a process, by its /proc/PID/cgroup. If both versions are mounted, the controller is with the first
// version if that lists it.
std::optional<cpu_group> find_cpu_group(std::string_view text);

struct group_folder {
    std::string top;   // where the hierarchy is mounted
    std::string rest;  // from there to the group; empty, or begins with a slash
    bool operator==(group_folder const&) const = default;
};

// Where that group's folder is, by /proc/PID/mountinfo. A group outside of the mounted part is taken for the top of
// that part, which in a container is its own group.
std::optional<group_folder> find_folder(cpu_group const&, std::string_view mountinfo);

// A quota and its period, as the two versions write them: "200000 100000", "max 100000"; "-1" and "100000". None for no
// limit, and for texts that cannot be understood.
std::optional<unsigned> processors_in(std::string_view quota, std::string_view period);

}  // namespace ramie::detail
