// Reading /proc and /sys. No allocation: it is also used where no exception may be thrown.
#pragma once

#include <ramie/detail/machine/above_standard.hpp>

#include <array>
#include <cstdlib>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

namespace ramie::detail {

// Calls f(text, length) for each block of a file; the text ends with a zero. False if the file cannot be read to its
// end.
template <class F>
bool read_blocks(char const* path, F&& f) noexcept {
    int const fd = above_standard(::open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0) return false;
    std::array<char, 4096> block;
    ssize_t n;
    while ((n = ::read(fd, block.data(), block.size() - 1)) > 0) {
        block[static_cast<std::size_t>(n)] = '\0';
        f(static_cast<char const*>(block.data()), n);
    }
    ::close(fd);
    return n == 0;
}

// A file that contains one number; none if it cannot be read.
inline std::optional<long> number_in_file(char const* path) noexcept {
    std::optional<long> number;
    read_blocks(path, [&](char const* text, ssize_t) { number = std::atol(text); });
    return number;
}

}  // namespace ramie::detail
