// Errors of tasks. I/O errors are std::error_code; a task's own failure is its join's value.
#pragma once

#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/ground/api.hpp>

#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {
struct deadline_scope;
// The one text for the use of an empty handle or channel end: std::logic_error.
[[noreturn]] RAMIE_API void refuse_empty(char const* what, char const* why = "default-made or moved from");
}  // namespace detail

// Thrown by spawn, sleep and the like when no runtime carries the caller. The text says what to do.
class RAMIE_API no_runtime : public std::logic_error {
  public:
    using std::logic_error::logic_error;
};

// Thrown out of a suspension point of a task that was asked to stop, so that destructors run. Deliberately not a
// std::exception: `catch (std::exception&)` must not swallow it. If it is swallowed, the next suspension point throws
// it again.
class RAMIE_API aborted {};

// Thrown out of a suspension point when the deadline of an enclosing `timeout` has passed; caught by that timeout.
class RAMIE_API deadline_passed {
    friend detail::access;
    explicit deadline_passed(detail::deadline_scope const* scope) noexcept : scope_(scope) {}

    detail::deadline_scope const* scope_;
};

// A timeout's value when its time ran out.
struct timed_out {
    friend bool operator==(timed_out, timed_out) noexcept { return true; }
};

using task_id = std::uint64_t;

// Why a join has no value: the task was aborted, or it ended by an exception.
class RAMIE_API join_error : public std::exception {
  public:
    join_error(task_id id, std::string name, std::exception_ptr cause);

    bool is_cancelled() const noexcept { return cause_ == nullptr; }
    bool is_exception() const noexcept { return cause_ != nullptr; }
    // The exception the task ended by; null if it was aborted.
    std::exception_ptr exception() const noexcept { return cause_; }
    // Throws the task's own exception, or this error if it was aborted.
    [[noreturn]] void rethrow() const;
    char const* what() const noexcept override { return text_.c_str(); }
    task_id id() const noexcept { return id_; }
    std::string const& name() const noexcept { return name_; }

  private:
    task_id id_;
    std::string name_;
    std::exception_ptr cause_;
    std::string text_;
};

// What is called with the failure of a task that no handle can receive any more: any callable that takes a join_error.
// Copies call the same one. It may be called by several threads at once.
class failure_hook {
  public:
    failure_hook() = default;
    template <std::invocable<join_error const&> F>
        requires(!std::same_as<std::remove_cvref_t<F>, failure_hook>)
    failure_hook(F&& f) {
        using kept = std::decay_t<F>;
        kept call(std::forward<F>(f));
        if constexpr (std::is_pointer_v<kept> || requires { call.operator bool(); })
            if (!call) return;  // a null pointer, an empty std::function
        kept_ = std::make_shared<kept>(std::move(call));
        call_ = [](void* called, join_error const& e) { (void)(*static_cast<kept*>(called))(e); };
    }
    // Whether there is anything to call.
    explicit operator bool() const noexcept { return kept_ != nullptr; }
    void operator()(join_error const& e) const { call_(kept_.get(), e); }

  private:
    std::shared_ptr<void> kept_;
    void (*call_)(void*, join_error const&) = nullptr;
};

// A human sentence for any exception, std or not.
RAMIE_API std::string describe(std::exception_ptr const& cause);

}  // namespace ramie
