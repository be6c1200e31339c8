// A stream whose every read and write the test chooses.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace ramie::testing {

// Each read gives the next piece, or as much of it as there is room for; then `at_end`, or the end.
struct scripted_source {
    std::deque<std::string> pieces;
    std::error_code at_end{};
    std::function<void()> before_read = [] {};
    int reads = 0;

    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        ++reads;
        before_read();
        if (pieces.empty()) {
            if (at_end) return std::unexpected(at_end);
            return 0;
        }
        auto& next = pieces.front();
        auto const count = std::min(next.size(), into.size());
        std::memcpy(into.data(), next.data(), count);
        next.erase(0, count);
        if (next.empty()) pieces.pop_front();
        return count;
    }
};

// Takes at most `most` bytes at a time.
struct scripted_sink {
    std::string text{};
    std::size_t most = 1'000'000;
    std::error_code error{};
    int writes = 0;

    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) {
        ++writes;
        if (error) return std::unexpected(error);
        auto const count = std::min(most, from.size());
        text.append(reinterpret_cast<char const*>(from.data()), count);
        return count;
    }
};

inline std::string_view text_of(std::span<std::byte const> bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

}  // namespace ramie::testing
