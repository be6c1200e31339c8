// Several buffers in the form that the system wants.
#pragma once

#include <ramie/byte_stream.hpp>

#include <array>
#include <cstddef>
#include <span>

#include <sys/uio.h>

namespace ramie::detail {

class iovec_list {
  public:
    // As many as one system call takes; empty ones are left out.
    template <class Byte>
    explicit iovec_list(std::span<std::span<Byte> const> from) noexcept {
        for (auto const& each : from) {
            if (each.empty()) continue;
            if (count_ == most_spans) return;
            all_[count_++] = {const_cast<std::byte*>(each.data()), each.size()};
            total_ += each.size();
        }
    }
    iovec* data() noexcept { return all_.data(); }
    std::size_t count() const noexcept { return count_; }
    // Bytes in all of them.
    std::size_t total() const noexcept { return total_; }

  private:
    std::array<iovec, most_spans> all_;
    std::size_t count_ = 0, total_ = 0;
};

}  // namespace ramie::detail
