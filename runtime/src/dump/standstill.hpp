// Whether the whole process stands still for good: all tasks wait for each other, and nothing is left that could wake
// one.
//
// A look finds it standing if
//   1. every worker sleeps; no task is queued; no deadline is armed; no job is queued, or was left behind by its task;
//   2. every task waits, without a deadline, for a thing that only tasks and threads of this process bring about (a
//      lock, a message, an end): not for a descriptor, a signal, a child, a select, which may have such cases. A
//      blocking job's thread waits so;
//   3. every thread of the process is one of ours and has nothing to do, or it waits as in 2. Any other thread may hold
//      a handle, or a sender, and so may wake a task.
// It stands still if two looks in a row find it standing, with as many picks of tasks, and with the same waits of
// threads.
//
// Why two: a look sees one after the other, and not all at one moment. But no task ran between the first of the looks
// and the second, since workers count what they pick, and no thread's wait ended: it would be another wait (its
// generation moves on). So all that either look has seen was so at the moment between them, all at once. And then
// nobody is left who could end the first wait. Not seen: a signal handler of the program, and other processes that have
// a hand in this one's memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ramie::detail {

class scheduler;

class standstill {
  public:
    // Between two looks.
    static constexpr std::chrono::milliseconds pause{500};
    static constexpr char const* headline =
        "ramie: nothing goes on: all tasks wait, and no deadline, descriptor, job or thread is left that could wake one\n";

    // True once for each time that it stands still.
    bool look();

  private:
    struct standing {
        std::uint64_t picks = 0;
        std::size_t tasks = 0;
        std::vector<std::pair<int, std::uint64_t>> threads;  // numbers, and generations of their waits
        bool operator==(standing const&) const = default;
    };
    class looker;

    std::optional<standing> last_;
    bool told_ = false;
};

}  // namespace ramie::detail
