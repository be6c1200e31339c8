// Bytes in order, in one piece: put in at the end, taken from the front. The buffer of a buffered reader or writer.
//
//   [ free | begin .. end: the bytes | space ]
//
// The memory is allocated for the first byte. It grows when more bytes must be held at once, and goes back to its first
// size when it is empty.
#pragma once

#include <ramie/detail/ground/language.hpp>
#include <ramie/detail/ground/least_most.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace ramie::detail {

class byte_queue {
  public:
    explicit byte_queue(std::size_t usual_size) noexcept : usual_(usual_size) {}
    byte_queue(byte_queue&& other) noexcept
        : usual_(other.usual_),
          memory_(std::move(other.memory_)),
          size_(std::exchange(other.size_, 0)),
          begin_(std::exchange(other.begin_, 0)),
          end_(std::exchange(other.end_, 0)) {}
    byte_queue& operator=(byte_queue other) noexcept {
        std::swap(usual_, other.usual_);
        std::swap(memory_, other.memory_);
        std::swap(size_, other.size_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
        return *this;
    }

    std::size_t usual_size() const noexcept { return usual_; }
    std::span<std::byte const> held() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }
    bool empty() const noexcept { return begin_ == end_; }

    // Where the next bytes go; at least one, and room for `in_all` bytes at once, counting those held.
    std::span<std::byte> space(std::size_t in_all = 1) {
        auto const count = end_ - begin_;
        auto const wanted = most(usual_, in_all, count + 1);
        bool const too_large = empty() && size_ > wanted;
        if (size_ < wanted || too_large) move_to(most(wanted, too_large ? 0 : least(size_ * 2, wanted * 2)));
        else if (empty()) begin_ = end_ = 0;
        else if (size_ - end_ < wanted - count && begin_ > 0) shift();
        return {memory_.get() + end_, size_ - end_};
    }
    // `count` bytes were put there.
    void put(std::size_t count) noexcept { end_ += count; }
    void take(std::size_t count) noexcept { begin_ += count; }

  private:
    void move_to(std::size_t size) {
        auto larger = std::make_unique_for_overwrite<std::byte[]>(size);
        auto const count = end_ - begin_;
        if (count > 0) std::memcpy(larger.get(), memory_.get() + begin_, count);
        memory_ = std::move(larger);
        size_ = size;
        begin_ = 0;
        end_ = count;
    }
    void shift() noexcept {
        std::memmove(memory_.get(), memory_.get() + begin_, end_ - begin_);
        end_ -= std::exchange(begin_, 0);
    }

    std::size_t usual_;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t size_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace ramie::detail
