// An allocator that counts the blocks it has given out.
#pragma once

#include <cstddef>
#include <memory>

namespace ramie::testing {

struct blocks {
    int made = 0, alive = 0;
};

template <class T>
struct counting_allocator {
    using value_type = T;
    explicit counting_allocator(blocks& to) noexcept : count(&to) {}
    template <class U>
    counting_allocator(counting_allocator<U> const& other) noexcept : count(other.count) {}

    T* allocate(std::size_t n) {
        ++count->made;
        ++count->alive;
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) noexcept {
        --count->alive;
        std::allocator<T>().deallocate(p, n);
    }
    template <class U>
    friend bool operator==(counting_allocator a, counting_allocator<U> b) noexcept {
        return a.count == b.count;
    }

    blocks* count;
};

}  // namespace ramie::testing
