// A look at a task, and the names of its functions.
#pragma once

#include <ramie/detail/sight/symbols.hpp>
#include <ramie/detail/sight/task_sight.hpp>
#include <ramie/detail/sight/trace_book.hpp>
#include <ramie/detail/task/task.hpp>
#include <ramie/join_handle.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace ramie::testing {

struct asks_nothing final : detail::held_questions {
    void ask(detail::waiter const&, char const*, void const*) noexcept override {}
};

class looking {
  public:
    detail::task_sight at(detail::task& t) {
        asks_nothing nothing;
        return watcher.look(t, nothing);
    }
    template <class T>
    detail::task_sight at(join_handle<T> const& h) {
        return at(detail::access::held(h));
    }
    // Of the last look.
    detail::trace const& frames() { return book[book.find(watcher.copy())]; }
    std::vector<std::string> functions() {
        std::vector<std::string> names;
        auto const& t = frames();
        for (std::size_t i = 0; i < t.frames.size(); ++i)
            for (auto const& place : symbols.of(t.frames[i], i > 0)) names.push_back(place.function);
        return names;
    }

    detail::task_watcher watcher;
    detail::trace_book book{1000};
    detail::symbols symbols;
};

// Whether these come in this order, with others in between or not.
inline bool come_in_order(std::vector<std::string> const& all, std::vector<std::string_view> const& wanted) {
    auto at = all.begin();
    return std::ranges::all_of(wanted, [&](std::string_view name) {
        at = std::find_if(at, all.end(), [&](std::string const& f) { return f.find(name) != std::string::npos; });
        return at != all.end() && ++at != all.begin();
    });
}

}  // namespace ramie::testing
