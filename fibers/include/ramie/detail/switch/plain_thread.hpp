// A thread of the runtime's own, joined on any stack: libramie-hook must not take the join for a call of the running fiber.
// In the model checker's build it is one of the checker's threads.
#pragma once

#include <ramie/detail/switch/calling_out.hpp>

#if defined(RAMIE_MODEL)
#include <model/plain_thread.hpp>
#else
#include <concepts>
#include <thread>
#include <utility>
#endif

namespace ramie::detail {

#if defined(RAMIE_MODEL)

using model::plain_thread;

#else

class plain_thread {
  public:
    plain_thread() noexcept = default;
    // Throws std::system_error.
    explicit plain_thread(std::invocable auto body) : thread_(std::move(body)) {}

    bool joinable() const noexcept { return thread_.joinable(); }
    void join() noexcept {
        calling_out const not_the_fibers;
        thread_.join();
    }

  private:
    std::thread thread_;
};

#endif

}  // namespace ramie::detail
