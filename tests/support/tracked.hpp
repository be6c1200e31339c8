// Values and callables that count: each must be destroyed exactly once.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace ramie::testing {

// A move-only value. `alive()` is how many there are; one destroyed twice, or used after, ends the process.
class tracked {
  public:
    explicit tracked(int number = 0) noexcept : value(number) { count().fetch_add(1, std::memory_order_relaxed); }
    tracked(tracked&& other) noexcept : value(other.value) {
        other.must_be_alive();
        count().fetch_add(1, std::memory_order_relaxed);
    }
    tracked& operator=(tracked&& other) noexcept {
        other.must_be_alive();
        value = other.value;
        return *this;
    }
    ~tracked() {
        must_be_alive();
        mark_ = dead;
        count().fetch_sub(1, std::memory_order_relaxed);
    }

    static std::int64_t alive() noexcept { return count().load(std::memory_order_acquire); }

    int value;

  private:
    static constexpr std::uint64_t living = 0x11fe11fe11fe11fe, dead = 0xdeaddeaddeaddead;

    static std::atomic<std::int64_t>& count() noexcept {
        static std::atomic<std::int64_t> number{0};
        return number;
    }
    void must_be_alive() const noexcept {
        if (mark_ == living) return;
        std::fprintf(stderr, "a tracked value is destroyed twice, or used after its end\n");
        std::abort();
    }

    // volatile: the compiler must not drop the store of a dying object.
    std::uint64_t volatile mark_ = living;
};

}  // namespace ramie::testing
