#include "settings/dump_signal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>

namespace ramie::detail {

namespace {

struct named {
    std::string_view name;
    int number;
};
constexpr std::array<named, 6> by_name{
    {{"HUP", SIGHUP}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}}};

bool is_real_time(int number) noexcept { return number >= SIGRTMIN && number <= SIGRTMAX; }

// "RTMIN", "RTMIN+3", "RTMAX-1"
std::optional<int> real_time(std::string_view name) noexcept {
    bool const from_first = name.starts_with("RTMIN");
    if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
    name.remove_prefix(5);
    if (name.empty()) return from_first ? SIGRTMIN : SIGRTMAX;
    if (name[0] != (from_first ? '+' : '-')) return std::nullopt;
    unsigned char distance = 0;
    auto const [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), distance);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    auto const number = from_first ? SIGRTMIN + distance : SIGRTMAX - distance;
    return is_real_time(number) ? std::optional(number) : std::nullopt;
}

}  // namespace

bool may_ask_for_dumps(int number) noexcept {
    return number == no_signal || is_real_time(number) || std::ranges::find(by_name, number, &named::number) != by_name.end();
}

std::optional<int> dump_signal_of(std::string_view name) noexcept {
    if (name == "none") return no_signal;
    if (name.starts_with("SIG")) name.remove_prefix(3);
    if (auto const at = std::ranges::find(by_name, name, &named::name); at != by_name.end()) return at->number;
    return real_time(name);
}

std::string name_of_signal(int number) {
    if (auto const at = std::ranges::find(by_name, number, &named::number); at != by_name.end())
        return "SIG" + std::string(at->name);
    if (is_real_time(number)) return "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
    return "signal " + std::to_string(number);
}

}  // namespace ramie::detail
