// The one argument that the servers among the samples take.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>

// The port in argv[1]; 0, the default, lets the system choose a free one. A bad value ends the program with a message.
inline std::uint16_t port_argument(int argc, char** argv) {
    std::string_view const text = argc > 1 ? argv[1] : "0";
    std::uint16_t port = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (argc <= 2 && error == std::errc{} && end == text.data() + text.size()) return port;
    std::fprintf(stderr, "usage: %s [PORT]   (0 to 65535; 0, the default, picks a free one)\n", argv[0]);
    std::exit(2);
}
