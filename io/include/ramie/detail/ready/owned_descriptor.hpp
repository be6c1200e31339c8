// The one owner of an open descriptor; every socket object has one.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <utility>

namespace ramie::detail {

class descriptor;

class owned_descriptor {
  public:
    owned_descriptor() = default;
    explicit owned_descriptor(descriptor& d) noexcept : held_(&d) {}
    owned_descriptor(owned_descriptor&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
    owned_descriptor& operator=(owned_descriptor&& other) noexcept {
        owned_descriptor(std::move(other)).swap(*this);
        return *this;
    }
    // Closes it.
    ~owned_descriptor() {
        if (held_ != nullptr) drop(*held_);
    }

    void swap(owned_descriptor& other) noexcept { std::swap(held_, other.held_); }
    // Null once moved from.
    descriptor* get() const noexcept { return held_; }
    // Waiting calls return at once. May be called while other fibers use the descriptor.
    RAMIE_API void close() noexcept;
    // The number; -1 once closed.
    RAMIE_API int fd() const noexcept;

  private:
    RAMIE_API static void drop(descriptor& d) noexcept;

    descriptor* held_ = nullptr;
};

}  // namespace ramie::detail
