// A request to stop that many can look at and wait for, with children. As tokio's CancellationToken.
//
// A token is a std::stop_source that can be waited for and has a parent. So it is a bridge both ways: stop_token()
// gives its std::stop_token, and one made from a std::stop_token is cancelled with it.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/wait/select_case.hpp>
#include <ramie/detail/wait/stop_claim.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

// One token: a stop source, and the callback by which it hears of its parent's (token_node.cpp).
struct token_node : std::enable_shared_from_this<token_node> {
    token_node() = default;
    token_node(token_node const&) = delete;
    token_node& operator=(token_node const&) = delete;
    RAMIE_API ~token_node();

    // One that is cancelled when `of` is requested. It keeps the parent, if there is one, so that a grandparent still
    // reaches it.
    RAMIE_API static std::shared_ptr<token_node> make(std::shared_ptr<token_node> parent, std::stop_token of);
    RAMIE_API static void cancel(std::shared_ptr<token_node> node) noexcept;
    std::stop_token stop_token() const noexcept { return source.get_token(); }

    struct heard {
        std::stop_token of;
        token_node* node;
        void operator()() const noexcept;
    };
    std::stop_source source;
    std::shared_ptr<token_node> parent;
    std::shared_ptr<token_node> next;  // links a walk
    std::optional<std::stop_callback<heard>> from_parent;
};

// Until then, or until the stop is requested: true.
RAMIE_API bool wait_for_stop(std::stop_token const& stop, time_point limit);

}  // namespace detail

// run_until_cancelled's error.
struct cancelled {
    friend bool operator==(cancelled, cancelled) noexcept { return true; }
};

// Copies are the same token. From fibers and plain threads. What listens to a stop_token (std::stop_callback) runs
// inside cancel() and must not wait (see stop_callback). Cancelling needs no more stack for a million generations than for
// one: all callbacks of a token run before those of its children.
class cancellation_token {
  public:
    class drop_guard_type;

    cancellation_token() : node_(std::make_shared<detail::token_node>()) {}
    // Cancelled when that stop is requested, or by itself.
    explicit cancellation_token(std::stop_token from)
        : node_(detail::token_node::make(nullptr, std::move(from))) {}

    // Cancels this token and its children, theirs, and so on; not its parent. Does nothing the second time. Never
    // waits.
    void cancel() const noexcept { detail::token_node::cancel(node_); }
    [[nodiscard]] bool is_cancelled() const noexcept { return node_->source.stop_requested(); }
    // Waits until it is cancelled. Suspension point.
    void wait() const { (void)detail::wait_for_stop(stop_token(), detail::never); }
    // Waits at the longest that long / until then; true: it is cancelled. Suspension points.
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) const {
        return detail::wait_for_stop(stop_token(), detail::after(d));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> t) const {
        return detail::wait_until_clock(
            t, [this](detail::time_point limit) { return detail::wait_for_stop(stop_token(), limit); });
    }

    // A token that is cancelled with this one, or alone. Born cancelled if this one is.
    [[nodiscard]] cancellation_token child_token() const {
        return cancellation_token(detail::token_node::make(node_, node_->stop_token()));
    }
    // Requested when the token is cancelled.
    [[nodiscard]] std::stop_token stop_token() const noexcept { return node_->stop_token(); }
    // Cancels the token when it is destroyed.
    [[nodiscard]] drop_guard_type drop_guard() const;

    // Runs f() as a task of its own, which may borrow the caller's locals, and aborts it when the token is cancelled.
    // Its value (also if it came at the same moment), or `cancelled`; f's exception is rethrown. If the token is
    // cancelled already f does not run. Suspension point; an abort of the caller aborts f and waits for its end. Throws
    // no_runtime outside a runtime.
    template <class F>
    auto run_until_cancelled(F&& f) const -> std::expected<std::invoke_result_t<F>, cancelled>;

    friend bool operator==(cancellation_token const&, cancellation_token const&) noexcept = default;

  private:
    explicit cancellation_token(std::shared_ptr<detail::token_node> node) noexcept : node_(std::move(node)) {}
    std::shared_ptr<detail::token_node> node_;
};

class [[nodiscard]] cancellation_token::drop_guard_type {
  public:
    explicit drop_guard_type(cancellation_token token) noexcept : token_(std::move(token)) {}
    drop_guard_type(drop_guard_type&& other) noexcept : token_(std::exchange(other.token_, std::nullopt)) {}
    drop_guard_type& operator=(drop_guard_type&&) = delete;
    ~drop_guard_type() {
        if (token_) token_->cancel();
    }
    // Gives the token back uncancelled; empty if it was given back before.
    std::optional<cancellation_token> disarm() noexcept { return std::exchange(token_, std::nullopt); }

  private:
    std::optional<cancellation_token> token_;
};

inline cancellation_token::drop_guard_type cancellation_token::drop_guard() const { return drop_guard_type(*this); }

template <class F>
auto cancellation_token::run_until_cancelled(F&& f) const -> std::expected<std::invoke_result_t<F>, cancelled> {
    using value_type = std::invoke_result_t<F>;
    (void)detail::waiter::enter();
    if (is_cancelled()) return std::unexpected(cancelled{});
    auto task = spawn([&f]() -> value_type { return detail::invoke(std::forward<F>(f)); });
    std::stop_callback const stops(stop_token(), [aborter = task.abort_handle()] { aborter.abort(); });
    try {
        task.wait();
    } catch (...) {
        abort_shield whole;  // f borrows what is about to be destroyed
        (void)task.abort_and_join();
        throw;
    }
    abort_shield whole;
    auto result = task.join();
    if (!result && result.error().is_exception()) result.error().rethrow();
    if (!result) return std::unexpected(cancelled{});
    if constexpr (std::is_void_v<value_type>) return {};
    else return *std::move(result);
}

namespace detail {

template <class Handler>
class stop_case {
  public:
    stop_case(std::stop_token stop, Handler handler) : stop_(std::move(stop)), handler_(std::move(handler)) {}
    // Before it waits, which is when select moves it.
    stop_case(stop_case&& other) noexcept(std::is_nothrow_move_constructible_v<Handler>)
        : stop_(std::move(other.stop_)), handler_(std::move(other.handler_)) {}

    bool poll() const noexcept { return stop_.stop_requested(); }
    enlisting enlist(waiter& self, std::uint64_t g) {
        node_.emplace(self, g);
        claim_.emplace(*node_, &stop_);  // requested already: it claims right here, and the select will not park
        return enlisting::queued;
    }
    bool withdraw() noexcept { return claim_->end(); }
    time_point limit() const noexcept { return never; }
    void complete() { handler_(); }

  private:
    std::stop_token stop_;
    Handler handler_;
    std::optional<wait_node> node_;
    std::optional<stop_claim> claim_;
};

}  // namespace detail

// Cases of a select (<ramie/select.hpp>): ready when the token is cancelled, or the stop requested. handler().
template <class Handler>
auto on_cancelled(cancellation_token const& token, Handler handler) {
    return detail::stop_case<Handler>(token.stop_token(), std::move(handler));
}
template <class Handler>
auto on_cancelled(std::stop_token stop, Handler handler) {
    return detail::stop_case<Handler>(std::move(stop), std::move(handler));
}

}  // namespace ramie
