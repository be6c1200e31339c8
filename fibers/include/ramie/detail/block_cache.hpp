// One lane's freed task blocks, by size, for its next spawns: a spawn that follows an end on the same lane takes its
// block still warm and without malloc. Owner only.
#pragma once

#include <ramie/detail/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace ramie::detail {

class block_cache {
  public:
    block_cache() = default;
    block_cache(block_cache const&) = delete;
    block_cache& operator=(block_cache const&) = delete;
    ~block_cache() { flush(); }

    // Null: there is none; take one from the system, of rounded(size) bytes.
    void* take(std::size_t size) noexcept {
        if (size > largest) return nullptr;
        auto& here = kept_[index(size)];
        auto* const b = here.first;
        if (b == nullptr) return nullptr;
        here.first = b->next;
        --here.count;
        return b;
    }
    // False: there are enough, or it is too large; give it to the system.
    [[nodiscard]] bool put(void* block, std::size_t size) noexcept {
        if (size > largest) return false;
        auto& here = kept_[index(size)];
        if (here.count == most) return false;
        here.first = ::new (block) link{here.first};
        ++here.count;
        return true;
    }
    void flush() noexcept {
        for (auto& k : kept_) {
            while (k.first != nullptr) {
                auto* const b = k.first;
                k.first = b->next;
                ::operator delete(b);
            }
            k.count = 0;
        }
    }
    // An odd number of words: malloc puts one word of its own before each block and deals in pairs of words.
    static constexpr std::size_t rounded(std::size_t size) noexcept { return index(size) * grain + grain / 2; }

  private:
    struct link {
        link* next;
    };
    struct list {
        link* first = nullptr;
        std::uint32_t count = 0;
    };
    static constexpr std::size_t grain = 16, largest = 1024;
    static constexpr std::uint32_t most = 1024;
    static constexpr std::size_t index(std::size_t size) noexcept { return (size + grain / 2 - 1) / grain; }

    std::array<list, largest / grain + 1> kept_{};
};

// Memory for a task's block, from the calling lane's cache or the system. Under a sanitizer always the system's, so
// that it sees every use after the end.
[[nodiscard]] void* take_block(std::size_t size);
void put_block(void* block, std::size_t size) noexcept;

}  // namespace ramie::detail
