// A task with the shape of a std::jthread: its destructor requests a stop and joins it.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/stop_request.hpp>
#include <ramie/stop_token.hpp>
#include <ramie/thread.hpp>

#include <stop_token>
#include <type_traits>

namespace ramie {

// As std::jthread. A callable whose first parameter is a std::stop_token gets this object's token; that is not the
// task's own token (this_fiber::stop_token()), which an abort requests. Destroying the object, or assigning to it,
// requests the stop and waits for the end, shielded from abort. See thread for exceptions and errors.
class jthread {
  public:
    using id = thread::id;

    jthread() noexcept : stop_(std::nostopstate) {}
    // jthread(f, args...), and jthread(task_options, f, args...) with a name, a stack size, pinned.
    RAMIE_SPAWN_CONSTRUCTORS(jthread, thread_, start)

    jthread(jthread&&) noexcept = default;
    RAMIE_API jthread& operator=(jthread&& other) noexcept;
    ~jthread() { stop_and_join(); }

    [[nodiscard]] bool joinable() const noexcept { return thread_.joinable(); }
    // See thread. Suspension point.
    void join() { thread_.join(); }
    void detach() { thread_.detach(); }
    [[nodiscard]] id get_id() const noexcept { return thread_.get_id(); }
    [[nodiscard]] std::stop_source get_stop_source() noexcept { return stop_; }
    [[nodiscard]] std::stop_token get_stop_token() const noexcept { return stop_.get_token(); }
    // False if a stop was requested before. Runs the std::stop_callbacks, which must not wait (see stop_callback).
    bool request_stop() noexcept { return detail::request_stop(stop_); }
    RAMIE_API void swap(jthread& other) noexcept;
    friend void swap(jthread& a, jthread& b) noexcept { a.swap(b); }

    [[nodiscard]] static unsigned hardware_concurrency() noexcept { return thread::hardware_concurrency(); }

  private:
    template <class F, class... Args>
    thread start(detail::spawn_terms terms, F&& f, Args&&... args) const {
        if constexpr (std::is_invocable_v<std::decay_t<F>, std::stop_token, std::decay_t<Args>...>)
            return thread::made_by(terms, std::forward<F>(f), get_stop_token(), std::forward<Args>(args)...);
        else return thread::made_by(terms, std::forward<F>(f), std::forward<Args>(args)...);
    }
    RAMIE_API void stop_and_join() noexcept;

    std::stop_source stop_;  // before thread_, which is made with it
    thread thread_;
};

}  // namespace ramie
