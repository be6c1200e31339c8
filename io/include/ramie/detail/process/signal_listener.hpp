// A listener to signals (signals.hpp): the signals it wants, and those that have come.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/intrusive_list.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <cstdint>

namespace ramie::detail {

// Bit n - 1 is signal n.
using signal_set = std::uint64_t;

class signal_listener : public list_hook {
  public:
    // std::invalid_argument for a number that is no signal, or cannot be listened to; std::system_error if no thread
    // can be started.
    explicit signal_listener(signal_set wanted);
    signal_listener(signal_listener const&) = delete;
    signal_listener& operator=(signal_listener const&) = delete;
    RAMIE_API ~signal_listener();

    signal_set wanted() const noexcept { return wanted_; }

    // One lock for all listeners.
    RAMIE_API static word_lock& lock() noexcept;
    // With the lock held:
    bool has_come() const noexcept { return come_ != 0; }
    // Takes the next signal and returns its number; 0: none. In turn, so that a frequent signal does not hide another.
    RAMIE_API int take() noexcept;
    void hear(signal_set these, woken_list& out) noexcept {
        come_ |= these & wanted_;
        if (come_ != 0) waiting.claim_all(out);
    }
    wait_queue waiting;

  private:
    signal_set const wanted_;
    class signal_hub& hub_;
    signal_set come_ = 0;
    int last_ = 0;
};

}  // namespace ramie::detail
