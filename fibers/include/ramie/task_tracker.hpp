// Waiting until all tracked tasks have ended, without keeping their results.
#pragma once

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/spawn.hpp>

#include <memory>

namespace ramie {

namespace detail {

// Counts tokens. Shared by its tokens, so they may outlive the tracker.
class tracked_count {
  public:
    void add() noexcept;
    void remove() noexcept;
    void set_closed(bool closed) noexcept;
    bool is_closed() const noexcept;
    std::size_t count() const noexcept;
    // Until closed and empty. Suspension point.
    void wait();

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

    // While one lives, the tracker is not empty: for tasks spawned elsewhere.
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

    // As ramie::spawn, tracked until the task has ended: also its fiber_locals, a result that nobody took, and the report
    // of its failure are gone then. (With arguments the place of the spawn is known only if options say it.)
    template <detail::not_options F>
    auto spawn(F&& f, std::source_location where = std::source_location::current()) const {
        return spawn_by({detail::carrier::here("task_tracker::spawn"), where}, std::forward<F>(f));
    }
    template <detail::not_options F, detail::not_location A, class... Args>
    auto spawn(F&& f, A&& a, Args&&... args) const {
        return spawn_by({detail::carrier::here("task_tracker::spawn"), std::source_location()}, std::forward<F>(f),
                        std::forward<A>(a), std::forward<Args>(args)...);
    }
    template <class F, class... Args>
        requires detail::not_options<F>
    auto spawn(task_options const& options, F&& f, Args&&... args) const {
        return spawn_by({detail::carrier::here("task_tracker::spawn"), options}, std::forward<F>(f),
                        std::forward<Args>(args)...);
    }

    // wait() returns once the tracker is closed and all tracked tasks have ended. Closing does not keep tasks from
    // being tracked. Suspension point; may be called by many.
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
    detail::spawned<F, Args...> spawn_by(detail::spawn_request<> const& request, F&& f, Args&&... args) const {
        if constexpr (detail::task_can_keep<F, Args...>())
            return request
                .make<detail::bound<F, Args...>>(tracked_task(track()), std::in_place, std::forward<F>(f),
                                                 std::forward<Args>(args)...)
                .handle;
        else return {};
    }

    std::shared_ptr<detail::tracked_count> count_;
};

}  // namespace ramie
