// Pieces of a dump's text.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace ramie::detail {

// In quotes; control bytes, quotes, backslashes and what is no UTF-8 as \x1b, \", \\; cut after `most` bytes of the
// original. So whatever a name is, it stays in its line and does nothing to a terminal.
std::string quoted(std::string_view text, std::size_t most = 100);
// Without the quotes.
std::string escaped(std::string_view text, std::size_t most);

// "3 ms", "12.5 s", "2 h 5 min".
std::string time_text(std::chrono::nanoseconds d);
// "812 B", "1.5 KiB", "192 KiB".
std::string size_text(std::size_t bytes);
// "1 task", "2 tasks".
std::string count_text(std::size_t n, std::string_view noun);
std::string address_text(void const* at);

}  // namespace ramie::detail
