// Running a few callables at once and waiting here for all of them: join, try_join. They may borrow the caller's locals.
#pragma once

#include <ramie/detail/join/concurrent_tasks.hpp>

#include <concepts>
#include <expected>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

template <std::invocable... F>
std::tuple<slot_of<value_of<F>>...> join_here(spawn_terms terms, F... f) {
    concurrent_tasks<F...> tasks(terms, f...);
    for (std::size_t i = 0; i < sizeof...(F); ++i) (void)tasks.next();
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::tuple<slot_of<value_of<F>>...>{tasks.template value<I>()...};
    }(std::index_sequence_for<F...>());
}

template <class T>
inline constexpr bool is_expected = false;
template <class T, class E>
inline constexpr bool is_expected<std::expected<T, E>> = true;

template <std::invocable... F>
    requires(!(is_expected<value_of<F>> && ...))
std::tuple<slot_of<value_of<F>>...> try_join_here(spawn_terms terms, F... f) {
    concurrent_tasks<F...> tasks(terms, f...);
    std::tuple<std::optional<slot_of<value_of<F>>>...> values;
    for (std::size_t i = 0; i < sizeof...(F); ++i) {
        auto const at = tasks.next();
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == at ? (std::get<I>(values).emplace(tasks.template value<I>()), true) : false) || ...);
        }(std::index_sequence_for<F...>());
    }
    return std::apply([](auto&... v) { return std::tuple<slot_of<value_of<F>>...>{std::move(*v)...}; }, values);
}

template <std::invocable First, std::invocable... F>
    requires(is_expected<value_of<First>> && (is_expected<value_of<F>> && ...))
auto try_join_here(spawn_terms terms, First first, F... f)
    -> std::expected<
        std::tuple<slot_of<typename value_of<First>::value_type>, slot_of<typename value_of<F>::value_type>...>,
        typename value_of<First>::error_type> {
    using error = typename value_of<First>::error_type;
    static_assert((std::is_same_v<error, typename value_of<F>::error_type> && ...),
                  "ramie: try_join needs one error type");
    concurrent_tasks<First, F...> tasks(terms, first, f...);
    std::tuple<std::optional<slot_of<typename value_of<First>::value_type>>,
               std::optional<slot_of<typename value_of<F>::value_type>>...>
        values;
    std::optional<error> failure;
    auto const take = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
        auto result = tasks.template value<I>();
        if (!result) failure.emplace(std::move(result.error()));
        else if constexpr (std::is_void_v<typename decltype(result)::value_type>) std::get<I>(values).emplace();
        else std::get<I>(values).emplace(std::move(*result));
        return true;
    };
    for (std::size_t i = 0; i < 1 + sizeof...(F); ++i) {
        auto const at = tasks.next();
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == at ? take(std::integral_constant<std::size_t, I>()) : false) || ...);
        }(std::index_sequence_for<First, F...>());
        if (failure) return std::unexpected(std::move(*failure));
    }
    return std::apply([](auto&... v) { return std::tuple{std::move(*v)...}; }, values);
}

}  // namespace detail

// join(f...), join(task_options, f...): runs all of them at once, each as a task that knows the place of the call, and
// waits for all; returns a tuple of their values (void: std::monostate). If some throw, the first of these in the order
// given is thrown after all have ended. If the caller is aborted, it first aborts and joins all of them. Suspension
// point.
RAMIE_NODISCARD_SPAWN_FORMS(join, detail::join_here)

// As join, but stops at the first failure: the others are aborted and joined, and the exception of that failure is
// thrown. If all return std::expected with one error type, the first error is the result: a
// std::expected<std::tuple<VALUES...>, ERROR>.
RAMIE_NODISCARD_SPAWN_FORMS(try_join, detail::try_join_here)

}  // namespace ramie
