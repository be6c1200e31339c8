// What is not as a program with threads would have it is said on stderr, each kind once.
#pragma once

#include <atomic>
#include <cstdio>

namespace ramie::threads {

class said_once {
  public:
    constexpr explicit said_once(char const* text) noexcept : text_(text) {}
    void say() noexcept {
        if (!said_.exchange(true, std::memory_order_relaxed)) std::fprintf(stderr, "ramie-threads: %s\n", text_);
    }

  private:
    char const* text_;
    std::atomic<bool> said_{false};
};

}  // namespace ramie::threads
