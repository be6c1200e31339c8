// An object whose end is noted: by whom, and how often.
#pragma once

#include <ramie/this_fiber.hpp>

#include <utility>
#include <vector>

namespace ramie::testing {

// Who destroyed it, by task id; 0 is the test itself.
using ends = std::vector<task_id>;

// Move-only. Only the one that was not moved from writes to the log; `alive` counts them all.
class witness {
  public:
    explicit witness(ends& log) noexcept : log_(&log) { ++alive; }
    witness(witness&& other) noexcept : log_(std::exchange(other.log_, nullptr)) { ++alive; }
    witness& operator=(witness&&) = delete;
    ~witness() {
        --alive;
        if (log_ != nullptr) log_->push_back(this_fiber::id());
    }

    static inline int alive = 0;

  private:
    ends* log_;
};

}  // namespace ramie::testing
