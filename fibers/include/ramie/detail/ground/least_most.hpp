// std::min and std::max, without <algorithm>: ten thousand lines for each file that includes one of Ramie's headers.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <concepts>

namespace ramie::detail {

template <class T, std::same_as<T>... More>
constexpr T least(T first, More... others) {
    ((first = others < first ? others : first), ...);
    return first;
}

template <class T, std::same_as<T>... More>
constexpr T most(T first, More... others) {
    ((first = first < others ? others : first), ...);
    return first;
}

}  // namespace ramie::detail
