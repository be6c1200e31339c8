// A callable with its arguments, to be called once, as std::thread and std::async keep them: decayed, moved into the
// call.
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ramie::detail {

template <class F, class... Args>
class packed_call {
    static constexpr bool fits = std::is_invocable_v<F, Args...>;
    static_assert(fits,
                  "ramie: the callable cannot be called with these arguments (they are passed as moved-from copies; use "
                  "std::ref to lend one)");

    // After a mistake it goes on as something harmless, so that the reason above is the only error.
    static auto result() {
        if constexpr (fits) return std::type_identity<std::invoke_result_t<F, Args...>>{};
        else return std::type_identity<void>{};
    }

  public:
    using result_type = typename decltype(result())::type;

    template <class G, class... Given>
    explicit packed_call(std::in_place_t, G&& function, Given&&... arguments)
        : function_(std::forward<G>(function)), arguments_(std::forward<Given>(arguments)...) {}

    result_type operator()() {
        return std::apply(
            [this](Args&... arguments) -> result_type {
                if constexpr (fits) return std::invoke(std::move(function_), std::move(arguments)...);
            },
            arguments_);
    }

  private:
    F function_;
    [[no_unique_address]] std::tuple<Args...> arguments_;
};

template <class F, class... Args>
packed_call<std::decay_t<F>, std::decay_t<Args>...> pack_call(F&& function, Args&&... arguments) {
    constexpr bool can_be_kept =
        std::is_constructible_v<std::decay_t<F>, F> && (std::is_constructible_v<std::decay_t<Args>, Args> && ...);
    static_assert(can_be_kept,
                  "ramie: the callable or an argument cannot be copied; std::move it, or lend an argument by std::ref");
    if constexpr (can_be_kept)
        return packed_call<std::decay_t<F>, std::decay_t<Args>...>(std::in_place, std::forward<F>(function),
                                                                    std::forward<Args>(arguments)...);
    else std::unreachable();
}

}  // namespace ramie::detail
