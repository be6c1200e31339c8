// What is left of a caller's buffers after a partial transfer. The caller's own array is not changed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <sys/uio.h>

namespace ramie::detail {

class parts {
  public:
    // Throws std::bad_alloc.
    parts(iovec const* first, std::size_t count) {
        if (count > few_.size()) many_.resize(count);
        left_ = std::span(many_.empty() ? few_.data() : many_.data(), count);
        std::copy_n(first, count, left_.begin());
    }
    parts(parts const&) = delete;
    parts& operator=(parts const&) = delete;

    std::span<iovec> left() const noexcept { return left_; }
    std::size_t size() const noexcept {
        std::size_t n = 0;
        for (auto const& each : left_) n += each.iov_len;
        return n;
    }
    // The first n bytes are transferred.
    void advance(std::size_t n) noexcept {
        while (!left_.empty() && n >= left_.front().iov_len) {
            n -= left_.front().iov_len;
            left_ = left_.subspan(1);
        }
        if (left_.empty()) return;
        left_.front().iov_base = static_cast<std::byte*>(left_.front().iov_base) + n;
        left_.front().iov_len -= n;
    }

  private:
    std::array<iovec, 4> few_{};
    std::vector<iovec> many_;
    std::span<iovec> left_;
};

}  // namespace ramie::detail
