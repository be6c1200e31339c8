// The signals that may ask for a dump, by name and number.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ramie::detail {

inline constexpr int no_signal = 0;
// What refusals say.
inline constexpr std::string_view accepted_dump_signals =
    "none, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 and SIGRTMIN to SIGRTMAX";

// Neither the signals of faults, nor those that cannot be caught, nor those that this library or libc uses.
bool may_ask_for_dumps(int number) noexcept;
// "none", "SIGQUIT", "QUIT", "SIGRTMIN+2"; null: none of those that are accepted.
std::optional<int> dump_signal_of(std::string_view name) noexcept;
// "SIGQUIT"; "signal 64" for one that is not accepted.
std::string name_of_signal(int number);

}  // namespace ramie::detail
