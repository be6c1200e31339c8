// Running a few callables at once and waiting here for the first of them. They may borrow the caller's locals.
#pragma once

#include <ramie/detail/join/concurrent_tasks.hpp>

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

template <std::invocable First, std::invocable... F>
value_of<First> race_here(spawn_terms terms, First first, F... f) {
    constexpr bool of_one_type = (std::is_same_v<value_of<First>, value_of<F>> && ...);
    static_assert(of_one_type, "ramie: race needs callables that return the same type");
    concurrent_tasks<First, F...> tasks(terms, first, f...);
    auto const winner = tasks.next();
    if constexpr (!of_one_type) {
        std::unreachable();
    } else if constexpr (std::is_void_v<value_of<First>>) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == winner ? ((void)tasks.template value<I>(), true) : false) || ...);
        }(std::index_sequence_for<First, F...>());
    } else {
        std::optional<value_of<First>> value;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == winner ? (value.emplace(tasks.template value<I>()), true) : false) || ...);
        }(std::index_sequence_for<First, F...>());
        return std::move(*value);
    }
}

}  // namespace detail

// race(f...), race(task_options, f...): runs all of them at once, each as a task that knows the place of the call. The
// first to finish wins: its value, or its exception. The others are aborted and joined before race returns. All must
// return the same type. Suspension point.
RAMIE_SPAWN_FORMS(race, detail::race_here, )

}  // namespace ramie
