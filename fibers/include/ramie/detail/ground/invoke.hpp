// std::invoke, without <functional>, which is a fifth of what the standard's headers cost a file that includes Ramie's.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace ramie::detail {

template <class F, class... Args>
    requires std::is_invocable_v<F, Args...>
constexpr std::invoke_result_t<F, Args...> invoke(F&& f, Args&&... args) {
    if constexpr (std::is_member_pointer_v<std::remove_cvref_t<F>>)
        return std::apply(f, std::forward_as_tuple(std::forward<Args>(args)...));  // as std::invoke does
    else return std::forward<F>(f)(std::forward<Args>(args)...);
}

}  // namespace ramie::detail
