// Circles of tasks and threads in which each waits for a lock that the next holds, or for the next one's end. None of
// them can go on, whatever the others do.
//
// The waits are seen one after the other, and not at one moment. So a circle is only suspected at first; then
//   1. each of its waits is looked at again: it is the same wait, and it is for the same next one;
//   2. each is looked at once more: it is still the same wait.
// Each member waits from its first look to 2; so at each look of 1 all of them waited, and the holder that 1 found
// cannot have given up its lock in between.
#pragma once

#include "dump/sighting.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ramie::detail {

class scheduler;

class wait_cycles {
  public:
    static constexpr std::size_t most_waits = 2'000'000;

    struct wait {
        waiter const* who;
        waiter const* next;  // for whom it waits
        std::uint64_t generation;
        std::uint64_t number;  // the task's, or the thread's
        bool by_thread;
        char const* what;
        void const* object;
    };
    using cycle = std::vector<wait>;

    // If that wait is for a lock that is held, or for a task's end.
    void add(waiter const& w, std::uint64_t number, wait_sight const& seen);
    // A line for each: "task 3 waits for mutex 0x..., held by task 5". In a simulation addresses would differ.
    static std::string text_of(cycle const& circle, bool addresses);
    std::vector<cycle> find(std::vector<std::shared_ptr<scheduler>> const& runtimes);

  private:
    std::vector<cycle> suspected();

    std::vector<wait> waits_;
};

// Of the tasks of one runtime that does not run.
std::vector<wait_cycles::cycle> circles_of_waits(scheduler& s);

}  // namespace ramie::detail
