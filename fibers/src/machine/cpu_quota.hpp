// What cgroups, of either version, allow this process: so much processor time in each period, for it and all others in the
// group, and the same again for each group around that one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ramie::detail {

// In processors, rounded up, at least 1; nothing if there is no limit, or none that can be read. `root` stands before
// /proc and /sys in a test.
std::optional<unsigned> cpu_quota(std::string const& root = {});

// --- what it is made of ---

struct cpu_group {
    bool first_version;
    std::string path;  // in the hierarchy of groups
    bool operator==(cpu_group const&) const = default;
};

// Which group a process is in, by its /proc/PID/cgroup. Where both versions are mounted, the controller is with the first
// if that has it.
std::optional<cpu_group> find_cpu_group(std::string_view text);

struct group_folder {
    std::string top;   // where the hierarchy is mounted
    std::string rest;  // from there to the group; empty, or begins with a slash
    bool operator==(group_folder const&) const = default;
};

// Where that group is to be seen, by /proc/PID/mountinfo. What lies outside of what is mounted is taken for its top, which
// in a container is its own group.
std::optional<group_folder> find_folder(cpu_group const&, std::string_view mountinfo);

// A quota and its period, in the words of the two versions: "200000 100000", "max 100000"; "-1" and "100000". Nothing for
// no limit, and for what cannot be understood.
std::optional<unsigned> processors_in(std::string_view quota, std::string_view period);

}  // namespace ramie::detail
