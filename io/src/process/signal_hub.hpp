// From the kernel to the listeners: one handler, one thread, for all runtimes of the process.
//
//   the handler (any thread)        (1) notes the signal's bit, (2) rings: adds 1 to a word and wakes the thread on it.
//                                   Three atomic instructions and a futex call, which a handler may make
//   the thread (watch)              (1) notes the word, (2) takes the bits, (3) hands them to the listeners,
//                                   (4) if there were none, sleeps while the word is still the noted one
// A signal noted after (2) is followed by a ring after (1), so the thread does not sleep.
//
// libuv has signals too (uv_signal_t), but sees them only in a loop's turn, and only with a loop. A futex instead of
// libuv's pipe costs no descriptor and is not shared with the child of a fork.
//
// The thread blocks every signal that has no listener, because those belong to the program. Signals with listeners are
// seen even if all other threads block them. The thread lives as long as there are listeners.
//
// A child of fork() has the listeners, but not the thread: there, signals do what they did before, and the next
// listener makes a hub of the child's own. Signals that reach the handler in a child of vfork() are ignored: they are
// not for us.
#pragma once

#include <ramie/detail/process/signal_listener.hpp>
#include <ramie/detail/switch/plain_thread.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <array>
#include <csignal>
#include <mutex>

namespace ramie::detail {

class signal_hub {
  public:
    static constexpr int most_signals = 64;
    static constexpr signal_set bit_of(int number) noexcept { return signal_set{1} << (number - 1); }

    static signal_hub& of_process();
    static bool is_its_handler(void const* handler) noexcept;

    // Throws std::system_error.
    void add(signal_listener& listener);
    void remove(signal_listener& listener) noexcept;

    // False in a child of the process that made it: the child has neither its thread nor the holders of its locks.
    bool is_ours() const noexcept;

    word_lock lock;  // guards the list, and what its members have received

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
    plain_thread watcher_;
    std::atomic<bool> stopping_{false};
    std::atomic<signal_set> caught_{0};
    intrusive_list<signal_listener> list_;
};

}  // namespace ramie::detail
