// What join, try_join and race (join.hpp, race.hpp) are made of: callables of the caller's, each as a task of its own,
// which tell the caller in which order they end.
#pragma once

#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/join/finish_line.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/spawn.hpp>

#include <array>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace ramie::detail {

// void stands as std::monostate in a tuple of results.
template <class T>
using slot_of = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
template <class F>
using value_of = std::invoke_result_t<std::decay_t<F>&>;

// next() gives runners in the order in which they finish; a runner knows its index.
struct indexed_runner final : runner {
    explicit indexed_runner(std::size_t i) noexcept : index(i) {}
    std::size_t index;
};

// Callables as tasks that end with this object.
template <class... F>
class concurrent_tasks {
  public:
    // `terms`: of each of them.
    explicit concurrent_tasks(spawn_terms terms, F&... f) : concurrent_tasks(terms, indices(), f...) {}

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
    concurrent_tasks(spawn_terms terms, std::index_sequence<I...>, F&... f)
        : line_(std::make_shared<finish_line>()), tasks_(start<I>(terms, f)...) {}

    template <std::size_t I, class G>
    auto start(spawn_terms terms, G& g) {
        runners_[I] = std::make_shared<indexed_runner>(I);
        using value = value_of<G>;
        auto const call_it = [&g]() -> value { return detail::invoke(g); };
        return scoped_task<value>(spawn_request<>(carrier::here("join"), terms)
                                      .template make<bound<decltype(call_it)>>(runner_note(line_, runners_[I]),
                                                                               std::in_place, call_it)
                                      .handle);
    }

    std::shared_ptr<finish_line> line_;
    std::array<std::shared_ptr<indexed_runner>, sizeof...(F)> runners_;  // the line points to them
    std::tuple<scoped_task<value_of<F>>...> tasks_;
};

}  // namespace ramie::detail
