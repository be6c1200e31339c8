#include "machine/cpu_quota.hpp"

#include "machine/system_file.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace ramie::detail {

namespace {

std::optional<std::string> text_of(std::string const& path) {
    std::string text;
    bool const whole = read_blocks(path.c_str(), [&](char const* block, ssize_t n) { text.append(block, static_cast<std::size_t>(n)); });
    return whole ? std::optional(std::move(text)) : std::nullopt;
}

// The text before the first `separator`; both are removed from `text`.
std::string_view cut(std::string_view& text, char separator) {
    auto const end = std::min(text.find(separator), text.size());
    auto const piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return piece;
}

bool lists(std::string_view names, std::string_view wanted) {
    while (!names.empty())
        if (cut(names, ',') == wanted) return true;
    return false;
}

// mountinfo writes spaces, tabs, newlines and backslashes as \ooo.
std::string without_escapes(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        if (text[i] == '\\' && text.size() - i > 3 &&
            std::from_chars(&text[i + 1], &text[i] + 4, code, 8).ptr == &text[i] + 4) {
            plain += static_cast<char>(code);
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

std::optional<long long> number_in(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    long long value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// The limit of this one group, without the groups around it.
std::optional<unsigned> limit_of(std::string const& folder, bool first_version) {
    if (first_version) {
        auto const quota = text_of(folder + "/cpu.cfs_quota_us");
        auto const period = text_of(folder + "/cpu.cfs_period_us");
        return quota && period ? processors_in(*quota, *period) : std::nullopt;
    }
    auto const both = text_of(folder + "/cpu.max");
    if (!both) return std::nullopt;
    std::string_view rest = *both;
    auto const quota = cut(rest, ' ');
    return processors_in(quota, rest);
}

}  // namespace

std::optional<cpu_group> find_cpu_group(std::string_view text) {
    std::optional<cpu_group> second;
    while (!text.empty()) {
        auto line = cut(text, '\n');
        auto const hierarchy = cut(line, ':');
        auto const controllers = cut(line, ':');
        if (lists(controllers, "cpu")) return cpu_group{true, std::string(line)};
        if (hierarchy == "0" && controllers.empty()) second = cpu_group{false, std::string(line)};
    }
    return second;
}

std::optional<group_folder> find_folder(cpu_group const& group, std::string_view mountinfo) {
    std::optional<group_folder> best;
    while (!mountinfo.empty()) {
        auto line = cut(mountinfo, '\n');
        for (int skipped = 0; skipped < 3; ++skipped) cut(line, ' ');  // ids and device
        auto root = without_escapes(cut(line, ' '));
        auto const top = without_escapes(cut(line, ' '));
        auto const separator = line.find(" - ");
        if (separator == std::string_view::npos) continue;
        line.remove_prefix(separator + 3);
        auto const type = cut(line, ' ');
        cut(line, ' ');  // source
        if (group.first_version ? type != "cgroup" || !lists(line, "cpu") : type != "cgroup2") continue;

        if (root == "/") root.clear();
        bool const inside = group.path.starts_with(root) && (group.path.size() == root.size() || group.path[root.size()] == '/') &&
                            group.path.find("/..") == std::string::npos;
        if (!inside) {
            if (!best) best = group_folder{top, ""};
            continue;
        }
        auto rest = group.path.substr(root.size());
        if (rest == "/") rest.clear();
        return group_folder{top, rest};
    }
    return best;
}

std::optional<unsigned> processors_in(std::string_view quota_text, std::string_view period_text) {
    auto const quota = number_in(quota_text), period = number_in(period_text);
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
    auto const rounded_up = *quota / *period + (*quota % *period != 0);
    return static_cast<unsigned>(std::min<long long>(rounded_up, std::numeric_limits<unsigned>::max()));
}

std::optional<unsigned> cpu_quota(std::string const& root) {
    auto const groups = text_of(root + "/proc/self/cgroup");
    auto const mounts = text_of(root + "/proc/self/mountinfo");
    if (!groups || !mounts) return std::nullopt;
    auto const group = find_cpu_group(*groups);
    if (!group) return std::nullopt;
    auto const folder = find_folder(*group, *mounts);
    if (!folder) return std::nullopt;
    std::optional<unsigned> least;
    for (auto rest = folder->rest;; rest.resize(rest.rfind('/'))) {
        if (auto const limit = limit_of(root + folder->top + rest, group->first_version))
            least = std::min(*limit, least.value_or(*limit));
        if (rest.empty()) return least;
    }
}

}  // namespace ramie::detail
