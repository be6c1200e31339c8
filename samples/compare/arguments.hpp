// The whole numbers that the compared programs are called with.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

struct argument {
    char const* name;
    std::uint64_t least, most;
    std::optional<std::uint64_t> otherwise;  // empty: it must be given
};

namespace arguments_detail {

[[noreturn]] inline void refuse(char const* program, argument const* first, std::size_t count) {
    std::fprintf(stderr, "usage: %s", program);
    for (auto* a = first; a != first + count; ++a) std::fprintf(stderr, a->otherwise ? " [%s]" : " %s", a->name);
    std::fputc('\n', stderr);
    for (auto* a = first; a != first + count; ++a) {
        std::fprintf(stderr, "  %s: %llu to %llu", a->name, static_cast<unsigned long long>(a->least),
                     static_cast<unsigned long long>(a->most));
        if (a->otherwise) std::fprintf(stderr, "; %llu", static_cast<unsigned long long>(*a->otherwise));
        std::fputc('\n', stderr);
    }
    std::exit(2);
}

}  // namespace arguments_detail

// Their values, in the order given. What is missing, too much, no number or out of range ends the program with the
// usage.
template <std::size_t Count>
std::array<std::uint64_t, Count> arguments(int argc, char** argv, argument const (&wanted)[Count]) {
    std::array<std::uint64_t, Count> values{};
    if (argc > static_cast<int>(Count) + 1) arguments_detail::refuse(argv[0], wanted, Count);
    for (std::size_t i = 0; i < Count; ++i) {
        auto const& a = wanted[i];
        if (static_cast<int>(i) + 1 >= argc && a.otherwise) {
            values[i] = *a.otherwise;
            continue;
        }
        std::string_view const text = static_cast<int>(i) + 1 < argc ? argv[i + 1] : "";
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), values[i]);
        if (error != std::errc{} || end != text.data() + text.size() || values[i] < a.least || values[i] > a.most)
            arguments_detail::refuse(argv[0], wanted, Count);
    }
    return values;
}
