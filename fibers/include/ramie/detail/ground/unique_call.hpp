// std::move_only_function without <functional>: a callable of any type, owned.
#pragma once

#include <ramie/detail/ground/invoke.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace ramie::detail {

template <class Signature>
class unique_call;

template <class R, class... Args>
class unique_call<R(Args...)> {
  public:
    unique_call() noexcept = default;
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, unique_call> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
    explicit unique_call(F&& f) : kept_(std::make_unique<kept<std::decay_t<F>>>(std::forward<F>(f))) {}

    R operator()(Args... args) { return kept_->call(std::forward<Args>(args)...); }

  private:
    struct any {
        virtual ~any() = default;
        virtual R call(Args... args) = 0;
    };
    template <class F>
    struct kept final : any {
        template <class G>
        explicit kept(G&& g) : f(std::forward<G>(g)) {}
        R call(Args... args) override {
            if constexpr (std::is_void_v<R>) (void)detail::invoke(f, std::forward<Args>(args)...);
            else return detail::invoke(f, std::forward<Args>(args)...);
        }
        F f;
    };
    std::unique_ptr<any> kept_;
};

}  // namespace ramie::detail
