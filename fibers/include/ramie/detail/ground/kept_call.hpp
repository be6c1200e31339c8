// A callable with its arguments, to be called once. Kept as std::thread and std::async do it: decayed, each made in its
// place from what was given, not moved again, and moved into the call.
#pragma once

#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/ground/language.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace ramie::detail {

// Whether a callable or an argument given like this can be kept.
template <class T>
inline constexpr bool can_be_kept = std::is_constructible_v<std::decay_t<T>, T>;

template <class F, class... Args>
class kept_call {
  public:
    template <class G, class... Given>
    explicit kept_call(std::in_place_t, G&& function, Given&&... arguments)
        : function_(std::forward<G>(function)), arguments_(std::forward<Given>(arguments)...) {}
    kept_call(kept_call const&) = delete;
    kept_call& operator=(kept_call const&) = delete;

  protected:
    // To be called once. `first`: arguments before the kept ones.
    template <class... First>
    decltype(auto) call(First&&... first) {
        return std::apply(
            [&](Args&... arguments) -> decltype(auto) {
                return detail::invoke(std::move(function_), std::forward<First>(first)..., std::move(arguments)...);
            },
            arguments_);
    }

  private:
    F function_;
    [[no_unique_address]] std::tuple<Args...> arguments_;
};

// For a callable with any result and without a stop_token: of thread, and of async.
template <class F, class... Args>
class std_call : public kept_call<F, Args...> {
    static constexpr bool fits = std::is_invocable_v<F, Args...>;
    static_assert(fits,
                  "ramie: the callable cannot be called with these arguments (they are passed as moved-from copies; use "
                  "std::ref to lend one)");

    // After a mistake the type is something harmless, so that the reason above is the only error.
    static auto result() {
        if constexpr (fits) return std::type_identity<std::invoke_result_t<F, Args...>>{};
        else return std::type_identity<void>{};
    }

  public:
    using result_type = typename decltype(result())::type;
    using kept_call<F, Args...>::kept_call;

    result_type operator()() {
        if constexpr (fits) return this->call();
    }
};

// Gives the reason in one line: nothing after a failed assertion is compiled.
template <class... Given>
consteval bool std_call_can_be_kept() {
    constexpr bool all = (can_be_kept<Given> && ...);
    static_assert(all,
                  "ramie: the callable or an argument cannot be copied; std::move it, or lend an argument by std::ref");
    return all;
}

template <class F, class... Args>
using std_call_of = std_call<std::decay_t<F>, std::decay_t<Args>...>;

}  // namespace ramie::detail
