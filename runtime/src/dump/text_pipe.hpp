// From the thread that makes a dump to the one that wants it, piece by piece: so neither the whole text is in memory,
// nor does the program's output code run on a thread of ours, or while something is held.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/futex.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <exception>
#include <mutex>
#include <string>
#include <utility>

namespace ramie::detail {

class text_pipe {
  public:
    // --- the maker ---
    // False: the reader has left, and nothing more is wanted.
    [[nodiscard]] bool write(std::string piece) {
        wait_while([&] { return !left_ && !piece_.empty(); });
        std::lock_guard const held(guard_);
        if (left_) return false;
        piece_ = std::move(piece);
        changed();
        return true;
    }
    // `why`: null, or what the reader is to throw.
    void end(std::exception_ptr why) {
        wait_while([&] { return !left_ && !piece_.empty(); });
        std::lock_guard const held(guard_);
        ended_ = true;
        failure_ = std::move(why);
        changed();
    }

    // --- the reader ---
    // Empty: that was all.
    std::string read() {
        wait_while([&] { return piece_.empty() && !ended_; });
        std::lock_guard const held(guard_);
        if (piece_.empty() && failure_) std::rethrow_exception(failure_);
        changed();
        return std::exchange(piece_, {});
    }
    void leave() noexcept {
        std::lock_guard const held(guard_);
        left_ = true;
        changed();
    }

  private:
    template <class Condition>
    void wait_while(Condition condition) {
        for (;;) {
            auto const seen = changes_.load(std::memory_order_relaxed);  // the lock orders it
            {
                std::lock_guard const held(guard_);
                if (!condition()) return;
            }
            (void)futex_wait(changes_, seen);
        }
    }
    // Under guard_.
    void changed() noexcept {
        changes_.fetch_add(1, std::memory_order_relaxed);
        futex_wake(changes_);
    }

    plain_mutex guard_;
    atomic<std::uint32_t> changes_{0};
    std::string piece_;  // under guard_, as is all below
    bool ended_ = false, left_ = false;
    std::exception_ptr failure_;
};

}  // namespace ramie::detail
