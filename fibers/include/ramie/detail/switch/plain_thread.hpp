// A thread of the runtime's own, joined on any stack: libramie-hook must not take the join for a call of the running fiber.
// In the model checker's build it is one of the checker's threads.
#pragma once

#include <ramie/detail/machine/limits_behind.hpp>
#include <ramie/detail/switch/calling_out.hpp>

#if defined(RAMIE_MODEL)
#include <model/plain_thread.hpp>
#else
#include <atomic>
#include <concepts>
#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>
#endif

namespace ramie::detail {

#if defined(RAMIE_MODEL)

using model::plain_thread;

#else

class plain_thread {
  public:
    // How the error begins, if there can be no more.
    static constexpr char const* no_further = "ramie: no further thread";

    plain_thread() noexcept = default;
    // Throws std::system_error.
    explicit plain_thread(std::invocable auto body) try
        : thread_([body = std::move(body)]() mutable {
              counted const one;
              body();
          }) {
    } catch (std::system_error const& e) { throw std::system_error(e.code(), no_further + limits_of_threads()); }

    bool joinable() const noexcept { return thread_.joinable(); }
    void join() noexcept {
        calling_out const not_the_fibers;
        thread_.join();
    }

    // How many there are in this process. One that begins or ends just now may not be among them.
    static std::size_t count() noexcept { return count_.load(std::memory_order_relaxed); }

  private:
    struct counted {
        counted() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
        counted(counted const&) = delete;
        counted& operator=(counted const&) = delete;
        ~counted() { count_.fetch_sub(1, std::memory_order_relaxed); }
    };
    static inline constinit std::atomic<std::size_t> count_{0};

    std::thread thread_;
};

#endif

}  // namespace ramie::detail
