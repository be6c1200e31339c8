// A copy of a stack's frames and the registers to begin with: all that a walk of the stack needs. It is taken in some
// microseconds, while the stack cannot change; the walk takes its time later, and does not touch the stack.
#pragma once

#include <ramie/detail/switch/saved_registers.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ramie::detail {

// Copies memory that may not be there. False: it is not, or the system does not allow the call.
[[nodiscard]] bool read_if_mapped(void const* from, void* to, std::size_t bytes) noexcept;
// What is mapped, whatever a sanitizer says of it.
void read_unwatched(void const* from, void* to, std::size_t bytes) noexcept;

class stack_copy {
  public:
    // The innermost frames are copied, up to so many bytes.
    static constexpr std::size_t most = std::size_t{1} << 20;

    stack_copy() : words_(new std::uintptr_t[most / sizeof(std::uintptr_t)]) {}

    // --- These allocate nothing and take no lock; they are safe in a signal handler ---
    // Of a context that was saved at `context`, on a stack that ends at `top`, and cannot go on meanwhile. (Other
    // threads may write to what lies there, such as the nodes of queues.)
    void take_saved(void const* context, void const* top) noexcept;
    // Of a stack that was just interrupted, `below` bytes under its stack pointer included (a red zone).
    void take_running(saved_registers const& now, void const* top, std::size_t below) noexcept;

    // As take_saved, of a context that may go on meanwhile, so that the copy may be wrong, and of memory that may be
    // unmapped. False: it was, or the system does not allow it to be read.
    [[nodiscard]] bool try_saved(void const* context, void const* top) noexcept;
    bool is_same(stack_copy const& other) const noexcept;

    saved_registers const& registers() const noexcept { return registers_; }
    std::uintptr_t begin() const noexcept { return begin_; }
    // Where the stack ended, also if the copy ends before.
    std::uintptr_t top() const noexcept { return top_; }
    std::uint32_t from_top(std::uintptr_t address) const noexcept { return static_cast<std::uint32_t>(top_ - address); }
    bool is_cut() const noexcept { return begin_ + size() < top_; }
    bool is_within(std::uintptr_t address) const noexcept { return address >= begin_ && address < top_; }
    // The word that was at that address. False: it was not copied.
    bool read(std::uintptr_t address, std::uintptr_t& word) const noexcept {
        auto const at = address - begin_;
        if (address < begin_ || at % sizeof word != 0 || at / sizeof word >= count_)
            return read_unaligned(address, word);
        word = words_[at / sizeof word];
        return true;
    }

  private:
    std::size_t size() const noexcept { return count_ * sizeof(std::uintptr_t); }
    void begin_at(std::uintptr_t begin, std::uintptr_t top) noexcept;
    void copy() noexcept;
    bool read_unaligned(std::uintptr_t address, std::uintptr_t& word) const noexcept;

    std::unique_ptr<std::uintptr_t[]> words_;
    std::size_t count_ = 0;
    std::uintptr_t begin_ = 0, top_ = 0;
    saved_registers registers_;
};

}  // namespace ramie::detail
