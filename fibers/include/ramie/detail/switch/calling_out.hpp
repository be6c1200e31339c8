// While one of these lives, the runtime makes a call that blocks the thread, on any stack: libramie-hook must not take
// that for a call of the running fiber, and park the fiber.
#pragma once

#include <ramie/detail/ground/this_lane.hpp>
#include <ramie/detail/switch/lane.hpp>

namespace ramie::detail {

class calling_out {
  public:
    calling_out() noexcept : here_(this_lane()), before_(here_ != nullptr && here_->calls_out) {
        if (here_ != nullptr) here_->calls_out = true;
    }
    calling_out(calling_out const&) = delete;
    calling_out& operator=(calling_out const&) = delete;
    ~calling_out() {
        if (here_ != nullptr) here_->calls_out = before_;
    }

  private:
    lane* const here_;
    bool const before_;
};

}  // namespace ramie::detail
