// The model's threads: which there are, what each is about to do, and how one goes on and another stops.
#pragma once

#include "view.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <source_location>

namespace ramie::model {

// A step that a thread is about to take.
struct step {
    enum class kind : std::uint8_t { begin, load, store, modify, fence, barrier, compare_and_sleep, wake, wait_for_change, join };
    kind what = kind::begin;
    bool seq_cst = false;
    void const* object = nullptr;
    std::source_location where{};

    bool writes() const noexcept { return what == kind::store || what == kind::modify || what == kind::wake; }
    // Whether it matters which of the two comes first.
    bool touches(step const& other) const noexcept;
};

class stack_memory {
  public:
    stack_memory();
    stack_memory(stack_memory&&) = default;
    ~stack_memory();
    void* top() const noexcept;

  private:
    static constexpr std::size_t size = 64 << 10;
    std::unique_ptr<std::byte[]> bytes_;
};

struct model_thread {
    enum class doing : std::uint8_t {
        ready,
        spins,   // until another has stored something
        sleeps,  // on a futex
        joins,   // waits for another's end
        ended
    };

    std::function<void()> body;
    unsigned number = 0;
    doing now = doing::ready;
    step next;

    // Sleeping, joining and spinning.
    void const* sleeps_on = nullptr;
    bool timed = false;      // it may wake by itself
    unsigned joined = 0;     // whose end it waits for
    bool timed_out = false;
    std::uint64_t stores_seen = 0;
    bool reads_newest = false;

    // What it has seen: for its own steps; what an acquire fence would add; what a release fence has published.
    view current, to_acquire, released;
    std::uint32_t last_step = 0;  // its clock then
    // What it does from here on is not covered by what it has published.
    void tick() noexcept { to_acquire.clock[number] = ++current.clock[number]; }

    // Its processor state while another runs.
    void* context = nullptr;
    unsigned char exceptions[16]{};  // the C++ runtime's
    unsigned lane = 0;               // for locks that are biased to a lane
    void* waits_by = nullptr;        // its thread_waiter, the run's
};

}  // namespace ramie::model
