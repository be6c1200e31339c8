// Waiting until all tracked tasks have ended, without keeping their results.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/spawn.hpp>

#include <memory>

namespace ramie {

namespace detail {

// Counts tokens. The tokens share it, so they may outlive the tracker.
class tracked_count {
  public:
    RAMIE_API void add() noexcept;
    RAMIE_API void remove() noexcept;
    RAMIE_API void set_closed(bool closed) noexcept;
    RAMIE_API bool is_closed() const noexcept;
    RAMIE_API std::size_t count() const noexcept;
    // Waits until it is closed and empty. Suspension point.
    RAMIE_API void wait();

  private:
    void wake_if_over(woken_list& woken) noexcept;

    mutable word_lock guard_;
    wait_queue queue_;
    std::size_t count_ = 0;
    bool closed_ = false;
};

}  // namespace detail

// As tokio-util's TaskTracker. Copies track the same tasks. Usable from fibers and plain threads.
class task_tracker {
  public:
    task_tracker() : count_(std::make_shared<detail::tracked_count>()) {}

    // While one of these lives, the tracker is not empty: for tasks spawned elsewhere.
    class token {
      public:
        token(token&&) noexcept = default;
        token& operator=(token&&) = delete;
        token(token const& other) noexcept : count_(other.count_) {
            if (count_) count_->add();
        }
        token& operator=(token const&) = delete;
        ~token() {
            if (count_) count_->remove();
        }

      private:
        friend class task_tracker;
        explicit token(std::shared_ptr<detail::tracked_count> c) noexcept : count_(std::move(c)) { count_->add(); }
        std::shared_ptr<detail::tracked_count> count_;
    };
    [[nodiscard]] token track() const noexcept { return token(count_); }

    // As ramie::spawn; tracked until the task has ended, and its fiber_locals, a result that no handle took, and the
    // report of its failure are gone.
    RAMIE_SPAWN_FORMS(spawn, spawn_by, const)

    // wait() returns once the tracker is closed and all tracked tasks have ended. Closing does not keep tasks from
    // being tracked. Suspension point; may be called by many fibers and threads at once.
    void wait() const { count_->wait(); }
    void close() const noexcept { count_->set_closed(true); }
    void reopen() const noexcept { count_->set_closed(false); }
    [[nodiscard]] bool is_closed() const noexcept { return count_->is_closed(); }
    [[nodiscard]] std::size_t size() const noexcept { return count_->count(); }

  private:
    // A tracked task's end note.
    class tracked_task {
      public:
        explicit tracked_task(token&& t) noexcept : token_(std::move(t)) {}
        void tell() noexcept { token ends(std::move(token_)); }

      private:
        token token_;
    };

    template <class F, class... Args>
    detail::spawned<F, Args...> spawn_by(detail::spawn_terms terms, F&& f, Args&&... args) const {
        return detail::spawn_request<>(detail::carrier::here("task_tracker::spawn"), terms)
            .call_noted(tracked_task(track()), std::forward<F>(f), std::forward<Args>(args)...);
    }

    std::shared_ptr<detail::tracked_count> count_;
};

}  // namespace ramie
