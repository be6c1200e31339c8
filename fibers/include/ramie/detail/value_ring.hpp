// A growing circular buffer of values. Not synchronised: a channel's lock guards it.
#pragma once

#include <ramie/detail/language.hpp>

#include <bit>
#include <cstddef>
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
    // From here on `n` values fit without growing. Strong guarantee: if there is no memory, nothing has changed.
    void make_room_for(std::size_t n) {
        if (n > capacity_) grow_to(n);
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
    void grow_to(std::size_t n) {
        auto const wider = std::bit_ceil(n < 8 ? 8 : n);
        auto slots = std::make_unique_for_overwrite<cell[]>(wider);
        for (std::size_t i = 0; i < size_; ++i) {
            auto* const old = at(first_ + i);
            ::new (static_cast<void*>(slots[i].bytes)) T(std::move(*old));
            std::destroy_at(old);
        }
        slots_ = std::move(slots);
        capacity_ = wider;
        first_ = 0;
    }

    std::unique_ptr<cell[]> slots_;
    std::size_t capacity_ = 0;  // 0 or a power of two
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace ramie::detail
