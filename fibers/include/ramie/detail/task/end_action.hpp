// An action at the end of the running task, job or plain thread: what the standard calls "at thread exit". It comes
// after all fiber_locals, and on a plain thread after its thread_locals, too; the last action asked for is done first.
// In a task, before any joiner sees the end.
//
// It lies among the fiber_locals under a key that no fiber_local has, so a task without actions pays nothing.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/task/local_value.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace ramie::detail {

// On a plain thread, makes sure that the actions will be done. std::system_error: there is no key left for that.
RAMIE_API void prepare_to_end();
// From here on nothing can fail.
RAMIE_API void at_end(local_value& action) noexcept;

template <class F>
class end_action : local_value {
    static_assert(std::is_nothrow_invocable_v<F&>);

  public:
    explicit end_action(F f) : does_(std::move(f)) {
        prepare_to_end();
        key = &end_key;
        destroy = &run;
    }
    end_action(end_action const&) = delete;
    end_action& operator=(end_action const&) = delete;

    static void enlist(std::unique_ptr<end_action> action) noexcept { at_end(*action.release()); }

  private:
    static void run(local_value& v) noexcept {
        std::unique_ptr<end_action> const mine(static_cast<end_action*>(&v));
        mine->does_();
    }

    F does_;
};

}  // namespace ramie::detail
