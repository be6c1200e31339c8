// A task with the shape of a std::thread.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_thread.hpp>

#include <utility>

namespace ramie {

namespace detail {

// Drops the callable's result.
template <class F, class... Args>
struct thread_call : std_call<F, Args...> {
    using value_type = void;
    using std_call<F, Args...>::std_call;
    void operator()(task&) { static_cast<void>(std_call<F, Args...>::operator()()); }
};

}  // namespace detail

// As std::thread, over spawn: the constructor starts a task of this runtime (elsewhere: no_runtime). The callable's
// value is dropped; an exception that leaves it does not end the process but goes to runtime_options::on_task_failure,
// when it is joined or at its end if it is detached.
//
// Destroying a joinable thread ends the process (std::terminate). An abort unwinds through destructors, too: a task
// that holds a thread and may be aborted should use jthread, or spawn.
class thread {
  public:
    using id = thread_id;

    thread() noexcept = default;
    // thread(f, args...), and thread(task_options, f, args...) with a name, a stack size, pinned.
    RAMIE_SPAWN_CONSTRUCTORS(thread, task_, start)

    thread(thread&&) noexcept = default;
    // std::terminate if this one is joinable.
    RAMIE_API thread& operator=(thread&& other) noexcept;
    RAMIE_API ~thread();

    [[nodiscard]] bool joinable() const noexcept { return task_.valid(); }
    // Waits for the task's end. Suspension point; after an abort it is still joinable. std::system_error: not joinable
    // (invalid_argument), or a join of oneself (resource_deadlock_would_occur). From fibers and plain threads.
    RAMIE_API void join();
    // Lets the task go on by itself. std::system_error if not joinable.
    RAMIE_API void detach();
    // A default-made id if it is not joinable.
    [[nodiscard]] id get_id() const noexcept { return joinable() ? id::of_task(task_.id()) : id(); }
    void swap(thread& other) noexcept { std::swap(task_, other.task_); }
    friend void swap(thread& a, thread& b) noexcept { a.swap(b); }

    // How many workers can run at the same time: by the processors this thread may use and the cgroups' quota. Never 0.
    [[nodiscard]] RAMIE_API static unsigned hardware_concurrency() noexcept;

  private:
    friend class jthread;
    template <class... All>
    static thread made_by(detail::spawn_terms terms, All&&... all) {
        thread t;
        t.task_ = start(terms, std::forward<All>(all)...);
        return t;
    }
    template <class F, class... Args>
    static join_handle<void> start(detail::spawn_terms terms, F&& f, Args&&... args) {
        detail::spawn_request<> const request(detail::carrier::here("thread"), terms);
        if constexpr (detail::std_call_can_be_kept<F, Args...>())
            return request
                .make<detail::thread_call<std::decay_t<F>, std::decay_t<Args>...>>(
                    detail::no_end_note(), std::in_place, std::forward<F>(f), std::forward<Args>(args)...)
                .handle;
        else return {};
    }
    void must_be_joinable(char const* verb) const;
    void must_not_be_joinable() const noexcept;

    join_handle<void> task_;
};

}  // namespace ramie
