// A short text written with one write(2). Async-signal-safe: no allocation, no locale, no stdio.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ramie::detail {

// Text that does not fit is cut off; a cut text still ends its line.
class raw_text {
  public:
    raw_text& operator<<(std::string_view) noexcept;
    raw_text& operator<<(std::uint64_t number) noexcept;
    void write_to_stderr() noexcept;

  private:
    std::array<char, 1024> text_;
    std::size_t size_ = 0;
};

}  // namespace ramie::detail
