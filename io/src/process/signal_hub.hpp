// From the kernel to the listeners: one handler, one thread, for all runtimes of the process.
//
//   the handler (any thread)        (1) notes the signal's bit, (2) rings: adds 1 to a word and wakes the thread on it.
//                                   Three atomic instructions and a futex call, which a handler may make
//   the thread (watch)              (1) notes the word, (2) takes the bits, (3) hands them to those who listen,
//                                   (4) if there were none, sleeps while the word is what it noted
// A signal noted after (2) is followed by a ring after (1), so the thread does not sleep.
//
// libuv has signals too (uv_signal_t), but hears them in one loop's turn, and only with a loop. A futex instead of its
// pipe costs no descriptor and is not shared with the child of a fork.
//
// The thread blocks every signal but those that are listened to: the process's other signals are not its business, and
// those are heard even if all other threads block them. It lives as long as there are listeners.
//
// A child of fork() has listeners, but nobody who hears for them: there, signals do what they did before, and whoever listens
// anew makes a hub of the child's own. What reaches the handler in a child of vfork() was not meant for us.
#pragma once

#include <ramie/detail/process/signal_listener.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <array>
#include <csignal>
#include <mutex>
#include <thread>

namespace ramie::detail {

class signal_hub {
  public:
    static constexpr int most_signals = 64;
    static constexpr signal_set bit_of(int number) noexcept { return signal_set{1} << (number - 1); }

    static signal_hub& of_process() noexcept;

    // Throws std::system_error.
    void add(signal_listener& listener);
    void remove(signal_listener& listener) noexcept;

    // False in a child of the process that made it, which has neither its thread nor whoever holds its locks.
    bool is_ours() const noexcept;

    word_lock lock;  // the list, and what its members have heard

  private:
    signal_hub();

    static void leave_to_child() noexcept;
    void catch_it(int number);
    void hand_back(int number) noexcept;
    void leave_it(int number) noexcept;
    void start();
    void stop() noexcept;
    void watch() noexcept;
    void follow_mask() const noexcept;
    void hand_out(signal_set come) noexcept;

    pid_t const process_;
    plain_mutex changing_;  // add and remove, one at a time
    std::array<unsigned, most_signals> listeners_to_{};
    std::array<struct sigaction, most_signals> before_{};
    unsigned listeners_ = 0;
    std::thread watcher_;
    std::atomic<bool> stopping_{false};
    std::atomic<signal_set> caught_{0};
    intrusive_list<signal_listener> list_;
};

}  // namespace ramie::detail
