#include <ramie/barrier.hpp>

#include <ramie/detail/wait/await.hpp>

#include <mutex>
#include <stdexcept>

namespace ramie::detail {

void barrier_phases::refuse() { throw std::invalid_argument("ramie: a barrier cannot expect a negative number"); }

barrier_phases::~barrier_phases() {
    std::lock_guard held(guard_);  // lets the last one to arrive out
    queue_.assert_empty("barrier");
}

barrier_phases::arrival barrier_phases::arrive(std::ptrdiff_t n, bool drop) {
    std::lock_guard held(guard_);
    if (n < 1 || n > missing_) throw std::logic_error("ramie: more arrive at a barrier than it expects");
    missing_ -= n;
    if (drop) --expected_;
    return {phase_, missing_ == 0};
}

void barrier_phases::end_phase() noexcept {
    woken_list woken;
    {
        std::lock_guard held(guard_);
        ++phase_;
        missing_ = expected_;
        queue_.claim_all(woken);
    }
    woken.resume_all();
}

void barrier_phases::wait(std::uint64_t phase) const {
    (void)wait_until_told(guard_, queue_, waiter::enter(), {"barrier", this}, never, [&] { return phase_ != phase; });
}

}  // namespace ramie::detail
