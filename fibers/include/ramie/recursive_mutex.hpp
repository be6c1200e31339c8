// A mutex that its holder may lock again.
#pragma once

#include <ramie/mutex.hpp>

#include <cstdint>

namespace ramie {

// Meets Lockable. Held by a task or a plain thread until it unlocked as often as it locked; a task that moved to
// another worker still holds it. Otherwise as ramie::mutex.
class recursive_mutex : protected mutex {
  public:
    constexpr recursive_mutex() = default;
    // Dies with a message if somebody waits.
    ~recursive_mutex() { assert_unwaited("recursive_mutex"); }

    // Suspension point, also for the holder. On abort it is held as often as before. std::system_error
    // (resource_unavailable_try_again) if it is locked too often to count.
    void lock() { (void)lock_again(detail::never, "recursive_mutex"); }
    // Never waits and is no abort point.
    [[nodiscard]] bool try_lock() noexcept;
    void unlock() noexcept {
        if (--depth_ == 0) mutex::unlock();
    }

  protected:
    // False if the time ran out.
    [[nodiscard]] bool lock_again(detail::time_point limit, char const* what);

  private:
    std::uint32_t depth_ = 0;  // only the holder touches it
};

}  // namespace ramie
