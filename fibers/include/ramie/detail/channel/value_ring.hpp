// A circular buffer of values that grows, and shrinks when told so. Not synchronised: a channel's lock guards it.
#pragma once

#include <ramie/detail/ground/language.hpp>
#include <ramie/detail/ground/least_most.hpp>

#include <bit>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace ramie::detail {

template <class T>
class value_ring {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "ramie: a channel's values must move without throwing; send a std::unique_ptr to one that may");

  public:
    value_ring() = default;
    value_ring(value_ring const&) = delete;
    value_ring& operator=(value_ring const&) = delete;
    ~value_ring() {
        while (size_ > 0) drop_front();
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    // From here on, until it is shrunk, `n` values fit without growing. Strong guarantee: without memory nothing
    // changes.
    void make_room_for(std::size_t n) {
        if (n <= capacity_) return;
        if (n > std::numeric_limits<std::size_t>::max() / 4 / sizeof(cell)) throw std::bad_array_new_length();
        move_to(std::bit_ceil(most(smallest, n)));
    }
    // It was once much larger than now: shrink_to() may be worth while.
    bool is_sparse() const noexcept { return size_ < sparse_below_; }
    // Gives back what is more than enough for `n` values; as much as a small burst needs is kept. Without memory for
    // the smaller buffer, nothing changes.
    void shrink_to(std::size_t n) noexcept {
        auto const enough = most(std::bit_ceil(2 * most(n, size_)), kept);
        if (enough >= capacity_) return;
        try {
            move_to(enough);
        } catch (std::bad_alloc const&) {
        }
    }
    // Only while there is room.
    void push_back(T&& value) noexcept {
        ::new (place(first_ + size_)) T(std::move(value));
        ++size_;
    }
    T& front() noexcept { return *at(first_); }
    void drop_front() noexcept {
        std::destroy_at(at(first_));
        first_ = (first_ + 1) & (capacity_ - 1);
        --size_;
    }

  private:
    struct alignas(T) cell {
        std::byte bytes[sizeof(T)];
    };

    void* place(std::size_t i) noexcept { return slots_[i & (capacity_ - 1)].bytes; }
    T* at(std::size_t i) noexcept { return std::launder(static_cast<T*>(place(i))); }
    void move_to(std::size_t capacity) {
        auto slots = std::make_unique_for_overwrite<cell[]>(capacity);
        for (std::size_t i = 0; i < size_; ++i) {
            auto* const old = at(first_ + i);
            ::new (static_cast<void*>(slots[i].bytes)) T(std::move(*old));
            std::destroy_at(old);
        }
        slots_ = std::move(slots);
        capacity_ = capacity;
        first_ = 0;
        sparse_below_ = capacity > kept ? capacity / 8 : 0;
    }

    static constexpr std::size_t smallest = 8;
    static constexpr std::size_t kept = most(smallest, std::bit_floor(8192 / sizeof(cell)));

    std::unique_ptr<cell[]> slots_;
    std::size_t capacity_ = 0;  // 0 or a power of two
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    std::size_t sparse_below_ = 0;
};

}  // namespace ramie::detail
