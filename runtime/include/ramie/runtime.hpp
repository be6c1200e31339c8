// The runtime: worker threads that carry tasks, and its end.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/runtime_metrics.hpp>
#include <ramie/runtime_options.hpp>
#include <ramie/spawn_blocking.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ramie {

namespace detail {

// In a current_thread runtime: while one of these lives, only the calling thread runs its tasks. In other runtimes:
// nothing.
class current_thread_turn {
  public:
    // std::logic_error if it is another thread's turn.
    RAMIE_API explicit current_thread_turn(scheduler&);
    current_thread_turn(current_thread_turn const&) = delete;
    current_thread_turn& operator=(current_thread_turn const&) = delete;
    RAMIE_API ~current_thread_turn();
    // Waits until `root` has finished. If the caller is to stop before (it is a task of another runtime that is
    // aborted, or its timeout passes), so is `root`, which may borrow the caller's locals: it is aborted and waited
    // for, and then aborted or deadline_passed is thrown.
    RAMIE_API void wait_for(task& root);

  private:
    void run_until_finished(task& root);
    void run_within_limits(task& root);

    scheduler& scheduler_;
};

}  // namespace detail

// Spawns into a runtime from any thread, and reads its metrics. Copyable; may outlive the runtime, then spawning throws
// no_runtime.
class runtime_handle {
  public:
    // The runtime that carries the caller: of a task, a blocking job, or a thread that belongs to a runtime; elsewhere
    // throws no_runtime. So a task under ramie::run can give a handle to other threads.
    [[nodiscard]] RAMIE_API static runtime_handle current();
    // As ramie::spawn and ramie::spawn_blocking, from any thread.
    RAMIE_SPAWN_FORMS(spawn, spawn_by, const)
    RAMIE_SPAWN_FORMS(spawn_blocking, spawn_blocking_by, const)

    // From any thread, also after the runtime has gone: then its last figures.
    [[nodiscard]] RAMIE_API runtime_metrics metrics() const;

  private:
    friend class runtime;
    friend detail::access;
    explicit runtime_handle(std::shared_ptr<detail::scheduler> s) noexcept : scheduler_(std::move(s)) {}
    template <class F, class... Args>
    auto spawn_by(detail::spawn_terms terms, F&& f, Args&&... args) const {
        return detail::spawn_request<>(open_scheduler("spawn"), terms).call(std::forward<F>(f), std::forward<Args>(args)...);
    }
    template <class F, class... Args>
    auto spawn_blocking_by(detail::spawn_terms terms, F&& f, Args&&... args) const {
        return detail::blocking_request<F>(open_scheduler("spawn_blocking"), terms).call(std::forward<F>(f), std::forward<Args>(args)...);
    }
    RAMIE_API detail::scheduler& open_scheduler(char const* verb) const;
    std::shared_ptr<detail::scheduler> scheduler_;
};

// Several may exist at once, and come and go. Made and destroyed on a plain thread.
class runtime {
  public:
    // Throws std::invalid_argument for a bad option, std::system_error if threads, descriptors or address space for
    // stacks cannot be had. If address space is limited (RLIMIT_AS) and small, a line on stderr says for how many
    // stacks it is enough.
    RAMIE_API explicit runtime(runtime_options const& options = {});
    runtime(runtime const&) = delete;
    runtime& operator=(runtime const&) = delete;
    // Shuts down within shutdown_timeout; if tasks are left then, prints them and ends the process. Inside a task or
    // blocking job of its own it would wait for itself: then it ends the process at once, with a message. But if
    // std::exit was called there, a static runtime is left as it is.
    RAMIE_API ~runtime();

    // Runs f() as a task and waits for it: its value, or its exception. From a plain thread, or from a task of another
    // runtime, which keeps its worker meanwhile (std::logic_error in a task of this runtime). An abort of that task,
    // and a timeout around the call, abort f() and wait for its end. The other tasks of a current_thread runtime run
    // only inside this call.
    template <class F>
    std::invoke_result_t<std::decay_t<F>> block_on(F&& f,
                                                   std::source_location where = std::source_location::current()) {
        refuse_inside_task("block_on");
        detail::current_thread_turn turn(*scheduler_);  // before the task is queued, where another thread would find it
        task_options options;
        options.name = "root";
        options.where = where;
        auto root = handle().spawn(options, std::forward<F>(f));
        turn.wait_for(detail::access::held(root));
        return root.get();
    }

    // As ramie::spawn and ramie::spawn_blocking, from any thread.
    RAMIE_SPAWN_FORMS(spawn, handle().spawn_by, )
    RAMIE_SPAWN_FORMS(spawn_blocking, handle().spawn_blocking_by, )

    [[nodiscard]] runtime_handle handle() const { return runtime_handle(scheduler_); }

    // Ends the runtime: no more spawns from outside, all tasks aborted. Returns the tasks that are still there after
    // `limit`, as text; empty: the runtime has ended. May be called again. From a plain thread; std::logic_error inside
    // a task or blocking job of this runtime. The tasks' stop_tokens are requested on another thread, so that a
    // std::stop_callback is waited for no longer than a task.
    template <class Rep, class Period>
    [[nodiscard]] std::vector<std::string> shutdown(std::chrono::duration<Rep, Period> limit) {
        must_be_outside("shutdown");
        return shut_down(detail::after(limit));
    }

    [[nodiscard]] RAMIE_API runtime_metrics metrics() const;

  private:
    RAMIE_API void refuse_inside_task(char const* verb) const;
    RAMIE_API void must_be_outside(char const* verb) const;
    [[noreturn]] static void refuse_inside(char const* verb);
    RAMIE_API std::vector<std::string> shut_down(std::chrono::steady_clock::time_point until);

    std::shared_ptr<detail::scheduler> scheduler_;
};

// Builds a runtime, runs f() as its root task, shuts down, and returns f's value or throws its exception.
template <class F>
std::invoke_result_t<std::decay_t<F>> run(runtime_options const& options, F&& f,
                                          std::source_location where = std::source_location::current()) {
    runtime carrier(options);
    return carrier.block_on(std::forward<F>(f), where);
}
template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, runtime_options>)
std::invoke_result_t<std::decay_t<F>> run(F&& f, std::source_location where = std::source_location::current()) {
    return run(runtime_options{}, std::forward<F>(f), where);
}

}  // namespace ramie
