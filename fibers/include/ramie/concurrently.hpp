// Running a few callables at once and waiting here: join, try_join, race. They may borrow the caller's locals.
#pragma once

#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/join/finish_line.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/spawn.hpp>

#include <array>
#include <concepts>
#include <expected>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace ramie {

namespace detail {

// void stands as std::monostate in a tuple of results.
template <class T>
using slot_of = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
template <class F>
using value_of = std::invoke_result_t<std::decay_t<F>&>;

template <class T>
inline constexpr bool is_expected = false;
template <class T, class E>
inline constexpr bool is_expected<std::expected<T, E>> = true;

// next() gives runners in the order in which they finish; a runner knows its index.
struct indexed_runner final : runner {
    explicit indexed_runner(std::size_t i) noexcept : index(i) {}
    std::size_t index;
};

// Callables as tasks that end with this object.
template <class... F>
class concurrent_tasks {
  public:
    explicit concurrent_tasks(std::source_location where, F&... f) : concurrent_tasks(where, indices(), f...) {}

    std::size_t next() { return static_cast<indexed_runner&>(line_->next()).index; }
    template <std::size_t I>
    auto& task() {
        return std::get<I>(tasks_);
    }
    // The value of task I, or its exception (of an aborted task: its join_error).
    template <std::size_t I>
    auto value() -> slot_of<value_of<std::tuple_element_t<I, std::tuple<F...>>>> {
        abort_shield const whole;  // the task has ended
        if constexpr (std::is_void_v<value_of<std::tuple_element_t<I, std::tuple<F...>>>>) {
            task<I>().get();
            return {};
        } else {
            return task<I>().get();
        }
    }
    void abort_all() {
        std::apply([](auto&... t) { (t.abort(), ...); }, tasks_);
    }

  private:
    static constexpr auto indices() { return std::index_sequence_for<F...>(); }

    template <std::size_t... I>
    concurrent_tasks(std::source_location where, std::index_sequence<I...>, F&... f)
        : line_(std::make_shared<finish_line>()), tasks_(start<I>(where, f)...) {}

    template <std::size_t I, class G>
    auto start(std::source_location where, G& g) {
        runners_[I] = std::make_shared<indexed_runner>(I);
        using value = value_of<G>;
        auto const call_it = [&g]() -> value { return detail::invoke(g); };
        return scoped_task<value>(spawn_request<>(carrier::here("join"), where)
                                      .template make<bound<decltype(call_it)>>(runner_note(line_, runners_[I]),
                                                                               std::in_place, call_it)
                                      .handle);
    }

    std::shared_ptr<finish_line> line_;
    std::array<std::shared_ptr<indexed_runner>, sizeof...(F)> runners_;  // the line points to them
    std::tuple<scoped_task<value_of<F>>...> tasks_;
};

}  // namespace detail

// Runs all of them at once and waits for all; returns a tuple of their values (void: std::monostate). If some throw,
// the first of these in the order given is thrown after all have ended. If the caller is aborted, it first aborts and
// joins all of them. Suspension point.
template <std::invocable... F>
[[nodiscard]] std::tuple<detail::slot_of<detail::value_of<F>>...> join(F... f) {
    detail::concurrent_tasks<F...> tasks(std::source_location{}, f...);
    for (std::size_t i = 0; i < sizeof...(F); ++i) (void)tasks.next();
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::tuple<detail::slot_of<detail::value_of<F>>...>{tasks.template value<I>()...};
    }(std::index_sequence_for<F...>());
}

// As join, but stops at the first failure: the others are aborted and joined, and the exception of that failure is
// thrown.
template <std::invocable... F>
    requires(!(detail::is_expected<detail::value_of<F>> && ...))
[[nodiscard]] std::tuple<detail::slot_of<detail::value_of<F>>...> try_join(F... f) {
    detail::concurrent_tasks<F...> tasks(std::source_location{}, f...);
    std::tuple<std::optional<detail::slot_of<detail::value_of<F>>>...> values;
    for (std::size_t i = 0; i < sizeof...(F); ++i) {
        auto const at = tasks.next();
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == at ? (std::get<I>(values).emplace(tasks.template value<I>()), true) : false) || ...);
        }(std::index_sequence_for<F...>());
    }
    return std::apply([](auto&... v) { return std::tuple<detail::slot_of<detail::value_of<F>>...>{std::move(*v)...}; },
                      values);
}

// The same for callables that return std::expected with one error type: the first error is the result.
template <std::invocable First, std::invocable... F>
    requires(detail::is_expected<detail::value_of<First>> && (detail::is_expected<detail::value_of<F>> && ...))
[[nodiscard]] auto try_join(First first, F... f)
    -> std::expected<std::tuple<detail::slot_of<typename detail::value_of<First>::value_type>,
                                detail::slot_of<typename detail::value_of<F>::value_type>...>,
                     typename detail::value_of<First>::error_type> {
    using error = typename detail::value_of<First>::error_type;
    static_assert((std::is_same_v<error, typename detail::value_of<F>::error_type> && ...),
                  "ramie: try_join needs one error type");
    detail::concurrent_tasks<First, F...> tasks(std::source_location{}, first, f...);
    std::tuple<std::optional<detail::slot_of<typename detail::value_of<First>::value_type>>,
               std::optional<detail::slot_of<typename detail::value_of<F>::value_type>>...>
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

// Runs all of them at once. The first to finish wins: its value, or its exception. The others are aborted and joined
// before race returns. All must return the same type. Suspension point.
template <std::invocable First, std::invocable... F>
detail::value_of<First> race(First first, F... f) {
    constexpr bool of_one_type = (std::is_same_v<detail::value_of<First>, detail::value_of<F>> && ...);
    static_assert(of_one_type, "ramie: race needs callables that return the same type");
    detail::concurrent_tasks<First, F...> tasks(std::source_location{}, first, f...);
    auto const winner = tasks.next();
    if constexpr (!of_one_type) {
        std::unreachable();
    } else if constexpr (std::is_void_v<detail::value_of<First>>) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == winner ? ((void)tasks.template value<I>(), true) : false) || ...);
        }(std::index_sequence_for<First, F...>());
    } else {
        std::optional<detail::value_of<First>> value;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == winner ? (value.emplace(tasks.template value<I>()), true) : false) || ...);
        }(std::index_sequence_for<First, F...>());
        return std::move(*value);
    }
}

}  // namespace ramie
