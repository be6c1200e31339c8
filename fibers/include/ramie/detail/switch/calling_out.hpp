// While one lives, the runtime calls something that blocks the thread, on whatever stack it is: libramie-hook must not take
// that for a call of the running fiber, and park it.
#pragma once

#include <ramie/detail/ground/this_lane.hpp>
#include <ramie/detail/switch/lane.hpp>

#include <thread>

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

// The end of a thread of the runtime's own, waited for on whatever stack.
inline void join_plainly(std::thread& t) {
    calling_out const not_the_fibers;
    t.join();
}

}  // namespace ramie::detail
