// Tasks that may borrow the locals of the block they were spawned in.
#pragma once

#include <ramie/detail/finish_line.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

namespace ramie {

namespace detail {

// The children of one scope. Their callables point here; the scope does not end before the last is gone.
class scope_children {
  public:
    scope_children() = default;
    scope_children(scope_children const&) = delete;
    scope_children& operator=(scope_children const&) = delete;
    ~scope_children();

    class token {
      public:
        explicit token(scope_children& s) noexcept : scope_(&s) {}
        token(token&& other) noexcept : scope_(std::exchange(other.scope_, nullptr)) {}
        token& operator=(token&&) = delete;
        ~token() {
            if (scope_ != nullptr) scope_->leave();
        }

      private:
        scope_children* scope_;
    };

    [[nodiscard]] token enter() noexcept;
    void remember(abort_handle child);
    // The first failure of a child; aborts the others.
    void failed(std::exception_ptr cause) noexcept;
    void abort_all() noexcept;
    std::size_t size() const noexcept;
    // Until no child is left. Suspension point.
    void wait();
    // Waits shielded; if the owner is asked to stop meanwhile, the children are too.
    void end(bool abort_first) noexcept;
    std::exception_ptr first_failure() const noexcept;
    bool aborts_siblings = false;

  private:
    void leave() noexcept;

    mutable word_lock guard_;
    wait_queue queue_;
    std::size_t count_ = 0;
    std::exception_ptr failure_;
    std::vector<abort_handle> children_;  // finished ones are dropped as it grows
};

}  // namespace detail

// Leaving the block waits for the children; leaving it by an exception aborts them first. A child's own failure is its
// handle's; if nobody holds that, it goes to on_task_failure. The destructor waits shielded, and hands an abort of its
// owner on to the children.
class scope {
  public:
    scope() = default;
    scope(scope const&) = delete;
    scope& operator=(scope const&) = delete;
    ~scope() { children_.end(std::uncaught_exceptions() > exceptions_at_start_); }

    // As ramie::spawn, but `f` may borrow what was declared before the scope.
    template <class F>
    auto spawn(F&& f, std::source_location where = std::source_location::current()) {
        task_options options;
        options.where = where;
        return spawn(options, std::forward<F>(f));
    }
    template <class F>
        requires detail::not_options<F>
    auto spawn(task_options const& options, F&& f) {
        using value = typename detail::bound<F>::value_type;
        if constexpr (detail::callable_can_be_kept<F>()) {
            auto handle = ramie::spawn(options, [held = children_.enter(), &children = children_,
                                                 function = std::forward<F>(f)](std::stop_token stop) mutable -> value {
                try {
                    if constexpr (detail::bound<F>::wants_stop)
                        return std::invoke(std::move(function), std::move(stop));
                    else if constexpr (detail::bound<F>::fits) return std::invoke(std::move(function));
                } catch (aborted const&) {
                    throw;
                } catch (...) {
                    if (children.aborts_siblings) {
                        static_cast<detail::task&>(detail::waiter::self()).failure_known = true;
                        children.failed(std::current_exception());
                    }
                    throw;
                }
            });
            children_.remember(handle.abort_handle());
            return handle;
        }
    }

    // Asks all children to stop.
    void abort_all() noexcept { children_.abort_all(); }
    // Waits until there is no child. Suspension point.
    void wait() { children_.wait(); }
    [[nodiscard]] std::size_t size() const noexcept { return children_.size(); }

  private:
    template <class F>
    friend std::invoke_result_t<F, scope&> with_scope(F&& f);

    int exceptions_at_start_ = std::uncaught_exceptions();
    detail::scope_children children_;
};

// Calls f(scope&), waits for the children it spawned, and returns its value. When a child fails, its siblings are
// aborted, and after the wait the first failure is thrown here (and reported nowhere else, unless somebody joins that
// child). When `f` itself throws, or the caller is aborted, the children are aborted, too, and that exception goes on.
// Suspension point.
template <class F>
std::invoke_result_t<F, scope&> with_scope(F&& f) {
    scope s;
    s.children_.aborts_siblings = true;
    auto const finish = [&] {
        s.wait();
        if (auto const cause = s.children_.first_failure()) std::rethrow_exception(cause);
    };
    if constexpr (std::is_void_v<std::invoke_result_t<F, scope&>>) {
        std::invoke(std::forward<F>(f), s);
        finish();
    } else {
        auto value = std::invoke(std::forward<F>(f), s);
        finish();
        return value;
    }
}

}  // namespace ramie
