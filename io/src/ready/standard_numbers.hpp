// For libraries whose descriptors' numbers cannot be chosen (above_standard.hpp): while one of these lives, no number
// below 3 is free.
#pragma once

#include <array>

#include <sys/types.h>

namespace ramie::detail {

class standard_numbers {
  public:
    // Throws std::system_error.
    standard_numbers();
    standard_numbers(standard_numbers const&) = delete;
    standard_numbers& operator=(standard_numbers const&) = delete;
    ~standard_numbers();

  private:
    static constexpr int count = 3;
    bool is_ours(int number) const noexcept;

    std::array<bool, count> held_{};
    dev_t device_ = 0;
    ino_t inode_ = 0;  // all its numbers are ends of one pipe; another file may have taken a number since
};

}  // namespace ramie::detail
