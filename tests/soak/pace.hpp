// How much of the machine a soak takes: so many processors, with its children, over its whole time.
#pragma once

#include <ramie/this_fiber.hpp>

#include <chrono>

#include <sys/resource.h>

namespace ramie::soak {

class pace {
  public:
    // 0: as much as it gets.
    explicit pace(double processors) noexcept : processors_(processors) {}

    // In a task: waits until no more than that was used.
    void wait_for_turn() const {
        if (processors_ <= 0) return;
        auto const due = began_ + std::chrono::duration_cast<clock::duration>((used() - used_before_) / processors_);
        if (due > clock::now()) this_fiber::sleep_until(due);
    }

    static std::chrono::duration<double> used() noexcept {
        std::chrono::duration<double> sum{0};
        for (auto const who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
            rusage of{};
            ::getrusage(who, &of);
            for (auto const& t : {of.ru_utime, of.ru_stime})
                sum += std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
        }
        return sum;
    }

  private:
    using clock = std::chrono::steady_clock;
    double processors_;
    clock::time_point began_ = clock::now();
    std::chrono::duration<double> used_before_ = used();
};

}  // namespace ramie::soak
