// The workers of one runtime, regular ones first. Spares may join while other threads look; none leaves.
#pragma once

#include "worker/worker.hpp"

#include <ramie/detail/fence/atomic.hpp>

#include <cstddef>
#include <memory>

namespace ramie::detail {

struct debug_layout;

class crew {
  public:
    explicit crew(std::size_t most) : most_(most), all_(std::make_unique<std::unique_ptr<worker>[]>(most)) {}

    // Called by one thread at a time.
    worker& add(std::unique_ptr<worker> w) noexcept {
        auto const n = size_.load(std::memory_order_relaxed);
        all_[n] = std::move(w);
        size_.store(n + 1, std::memory_order_release);  // pairs with size()
        return *all_[n];
    }

    std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }  // pairs with add()
    worker& operator[](std::size_t i) const noexcept { return *all_[i]; }
    std::unique_ptr<worker> const* begin() const noexcept { return all_.get(); }
    std::unique_ptr<worker> const* end() const noexcept { return all_.get() + size(); }

    std::size_t most() const noexcept { return most_; }

  private:
    friend struct debug_layout;
    std::size_t const most_;
    std::unique_ptr<std::unique_ptr<worker>[]> const all_;
    atomic<std::size_t> size_{0};
};

}  // namespace ramie::detail
