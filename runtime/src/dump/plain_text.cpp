#include "dump/plain_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace ramie::detail {

namespace {

bool continues(std::string_view text, std::size_t at) noexcept {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}

// The bytes of the character at the front, or 0 if it is not one that may be printed: no UTF-8, an overlong form, a
// surrogate, a control character (C1 and the marks that turn the direction of writing included).
std::size_t printable(std::string_view text) noexcept {
    auto const first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    std::size_t const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4) return 0;
    std::uint32_t code = first & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if (!continues(text, i)) return 0;
        code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool const valid = code >= least[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    bool const controls = code < 0xa0 || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                          (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
    return valid && !controls ? length : 0;
}

std::string formatted(char const* how, double value) {
    char text[32];
    std::snprintf(text, sizeof text, how, value);
    return text;
}

// At most three digits that matter.
std::string three_digits(double value) {
    return formatted(value < 10 ? "%.1f" : "%.0f", value);
}

}  // namespace

std::string escaped(std::string_view text, std::size_t most) {
    bool const is_cut = text.size() > most;
    auto rest = text.substr(0, most);
    while (is_cut && !rest.empty() && continues(text, rest.size())) rest.remove_suffix(1);
    std::string out;
    while (!rest.empty()) {
        auto const length = printable(rest);
        if (length == 0) {
            char code[8];
            std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(rest[0])));
            out += code;
        } else {
            if (rest[0] == '"' || rest[0] == '\\') out += '\\';
            out += rest.substr(0, length);
        }
        rest.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return is_cut ? out + "..." : out;
}

std::string quoted(std::string_view text, std::size_t most) {
    return '"' + escaped(text, most) + '"';
}

std::string time_text(std::chrono::nanoseconds d) {
    auto const seconds = std::chrono::duration<double>(d).count();
    if (seconds < 0) return "0 ms";
    if (seconds < 1) return formatted("%.0f ms", seconds * 1000);
    if (seconds < 100) return formatted("%.1f s", seconds);
    if (seconds < 7200) return formatted("%.0f min", seconds / 60);
    return formatted("%.0f h", seconds / 3600);
}

std::string size_text(std::size_t bytes) {
    auto const b = static_cast<double>(bytes);
    if (bytes < 1024) return formatted("%.0f B", b);
    if (bytes < 1024 * 1024) return three_digits(b / 1024) + " KiB";
    if (bytes < 1024 * 1024 * 1024) return three_digits(b / 1024 / 1024) + " MiB";
    return three_digits(b / 1024 / 1024 / 1024) + " GiB";
}

std::string count_text(std::size_t n, std::string_view noun) {
    return std::to_string(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

std::string address_text(void const* at) {
    char text[24];
    std::snprintf(text, sizeof text, "%p", at);
    return text;
}

}  // namespace ramie::detail
