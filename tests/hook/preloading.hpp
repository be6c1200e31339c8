// Programs with libramie-hook preloaded into them.
#pragma once

#include "child_process.hpp"
#include "sanitized.hpp"

#include <ramie/detail/ground/config.hpp>

#include <string>
#include <vector>

namespace ramie::testing {

inline bool can_preload() {
    if (sanitized) MESSAGE("skipped: a sanitizer must be loaded before anything else");
    return !sanitized;
}

// The output of a program, and its end.
inline child_end output_of(std::vector<std::string> words, char const* preload = nullptr) {
    return in_child([&] {
        if (preload != nullptr) ::setenv("LD_PRELOAD", preload, 1);
        std::vector<char*> raw;
        for (auto& each : words) raw.push_back(each.data());
        raw.push_back(nullptr);
        ::execvp(raw[0], raw.data());
        ::_exit(127);
    });
}

}  // namespace ramie::testing
