// The name that the system shows for a thread (top, gdb): 15 bytes at most.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace ramie::detail {

// The name with its ending ("-7"). A name that is too long is cut before the ending, because the ending tells the
// threads apart, and between two characters of UTF-8.
inline std::string thread_name(std::string_view name, std::string_view ending) {
    constexpr std::size_t most = 15;
    auto room = most - std::min(most, ending.size());
    if (name.size() > room) {
        auto const continues = [&](std::size_t at) { return (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80; };
        while (room > 0 && continues(room)) --room;
        name = name.substr(0, room);
    }
    return std::string(name).append(ending);
}

}  // namespace ramie::detail
