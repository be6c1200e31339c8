// A file descriptor with one owner; the owner closes it.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <unistd.h>

#include <utility>

namespace ramie {

// Move-only. Independent of runtimes: adopt() takes it, and a unix_stream gives it for received descriptors.
class unique_fd {
  public:
    unique_fd() = default;
    // Takes the descriptor over; a negative number means none.
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~unique_fd() {
        if (fd_ >= 0) ::close(fd_);
    }

    explicit operator bool() const noexcept { return fd_ >= 0; }
    // -1: none.
    int get() const noexcept { return fd_; }
    // Gives the descriptor away.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

}  // namespace ramie
