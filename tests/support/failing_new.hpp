// Lets allocations fail. A program that links failing_new.cpp has its operator new replaced, for all threads.
#pragma once

#include <cstddef>

namespace ramie::testing {

class failing_new {
  public:
    enum class how { once, from_then_on };

    // From now on the n-th allocation (from 1) fails, and maybe all after it, until this object goes. One at a time.
    explicit failing_new(std::size_t n, how many = how::once) noexcept;
    failing_new(failing_new const&) = delete;
    failing_new& operator=(failing_new const&) = delete;
    ~failing_new();

    // Ends it early. True: there were so many allocations that one failed.
    bool stop() noexcept;
};

// Blocks that operator new gave out and nobody has given back.
long blocks_alive() noexcept;
// How often one that throws was called, by all threads. Not counted: one with std::nothrow, whose caller does without.
long allocations() noexcept;

}  // namespace ramie::testing
