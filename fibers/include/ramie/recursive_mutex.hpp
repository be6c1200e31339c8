// A mutex that its holder may lock again.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/mutex.hpp>

#include <cstdint>

namespace ramie {

// Meets Lockable. Held by a task or a plain thread until it was unlocked as often as it was locked; a task that moved
// to another worker still holds it. Otherwise as ramie::mutex.
class recursive_mutex {
  public:
    constexpr recursive_mutex() = default;
    // Dies with a message if a fiber or thread waits.
    ~recursive_mutex() { assert_unwaited("recursive_mutex"); }
    recursive_mutex(recursive_mutex const&) = delete;
    recursive_mutex& operator=(recursive_mutex const&) = delete;

    // Suspension point, also for the holder. On abort it is held as often as before. std::system_error
    // (resource_unavailable_try_again) if it is locked too often to count.
    void lock() { (void)lock_again(detail::never, "recursive_mutex"); }
    // Never waits and is not an abort point.
    [[nodiscard]] RAMIE_API bool try_lock() noexcept;
    void unlock() noexcept {
        if (--depth_ == 0) inner_.unlock();
    }

  protected:
    // False if the time ran out.
    [[nodiscard]] RAMIE_API bool lock_again(detail::time_point limit, char const* what);
    // Dies with a message under that name if a fiber or thread waits.
    void assert_unwaited(char const* what) noexcept { inner_.assert_unwaited(what); }

  private:
    // A member, not a base, so that this is standard-layout.
    struct inner_mutex : mutex {
        using mutex::assert_unwaited;
        using mutex::held_by;
        using mutex::lock_limited;
    };
    inner_mutex inner_;
    std::uint32_t depth_ = 0;  // only the holder touches it
};

}  // namespace ramie
