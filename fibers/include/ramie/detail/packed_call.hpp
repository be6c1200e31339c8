// A callable with its arguments, to be called once, as std::thread and std::async keep them: decayed, moved into the call.
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ramie::detail {

template <class F, class... Args>
class packed_call {
    static_assert(std::is_invocable_v<F, Args...>,
                  "ramie: the callable cannot be called with these arguments (they are passed as moved-from copies; use "
                  "std::ref to lend one)");

  public:
    template <class G, class... Given>
    explicit packed_call(std::in_place_t, G&& function, Given&&... arguments)
        : function_(std::forward<G>(function)), arguments_(std::forward<Given>(arguments)...) {}

    std::invoke_result_t<F, Args...> operator()() {
        return std::apply(
            [this](Args&... arguments) -> std::invoke_result_t<F, Args...> {
                return std::invoke(std::move(function_), std::move(arguments)...);
            },
            arguments_);
    }

  private:
    F function_;
    [[no_unique_address]] std::tuple<Args...> arguments_;
};

template <class F, class... Args>
packed_call<std::decay_t<F>, std::decay_t<Args>...> pack_call(F&& function, Args&&... arguments) {
    static_assert(std::is_constructible_v<std::decay_t<F>, F> && (std::is_constructible_v<std::decay_t<Args>, Args> && ...),
                  "ramie: the callable or an argument cannot be copied; std::move it, or lend an argument by std::ref");
    return packed_call<std::decay_t<F>, std::decay_t<Args>...>(std::in_place, std::forward<F>(function),
                                                                std::forward<Args>(arguments)...);
}

}  // namespace ramie::detail
