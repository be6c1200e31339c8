#include "standins/stall_report.hpp"

#include "scheduler.hpp"

#include <algorithm>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

namespace ramie::detail {

namespace {

struct culprit {
    std::string name;
    std::string place;  // where it was spawned
};

std::string place_of(task const& t) { return std::string(t.where().file_name()) + ":" + std::to_string(t.where().line()); }

// The tasks that the chosen workers are in now. They are found through the live table, which keeps a task from being
// freed while it is shown.
template <class Chosen>
std::vector<culprit> culprits(scheduler& home, Chosen chosen) {
    std::vector<task const*> running;
    for (auto const& w : home.workers)
        if (task const* const t = w->current; chosen(*w) && t != nullptr) running.push_back(t);
    std::sort(running.begin(), running.end());
    std::vector<culprit> found(running.size());
    std::size_t count = 0;
    home.live.for_each([&](task& t) noexcept {
        if (count == found.size() || !std::binary_search(running.begin(), running.end(), &t)) return;
        try {
            found[count] = {name_of(t).text, place_of(t)};
            ++count;
        } catch (std::bad_alloc const&) {
        }
    });
    found.resize(count);
    std::stable_sort(found.begin(), found.end(), [](auto const& a, auto const& b) { return a.place < b.place; });
    return found;
}

// "3 tasks spawned at server.cpp:7: task 4 "reader", task 5, ..."
std::string description(std::vector<culprit> const& all) {
    constexpr std::size_t most_places = 16, most_names = 8;
    std::string text;
    std::size_t places = 0;
    for (auto from = all.begin(); from != all.end();) {
        auto const to = std::find_if(from, all.end(), [&](auto const& c) { return c.place != from->place; });
        if (++places > most_places) {
            text += "ramie:   and " + std::to_string(all.end() - from) + " more\n";
            break;
        }
        auto const count = static_cast<std::size_t>(to - from);
        text += "ramie:   " + std::to_string(count) + (count == 1 ? " task" : " tasks") + " spawned at " + from->place + ": ";
        for (std::size_t i = 0; i < std::min(count, most_names); ++i)
            text += (i > 0 ? ", " : "") + from[static_cast<std::ptrdiff_t>(i)].name;
        text += count > most_names ? ", ...\n" : "\n";
        from = to;
    }
    return text;
}

std::string milliseconds(std::chrono::nanoseconds time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) + " ms";
}

void say(std::string const& text) noexcept { std::fputs(text.c_str(), stderr); }

}  // namespace

void report_all_stuck(scheduler& home, std::size_t waiting, std::chrono::nanoseconds for_how_long) noexcept try {
    auto text = "ramie: work has waited for " + milliseconds(for_how_long) + " (" + std::to_string(waiting) +
                " tasks or so), and no worker is free to do it: ";
    if (home.options.current_thread) {
        text += "the thread of this current_thread runtime is in one task all that time";
    } else {
        auto const spares = home.spares.active();
        text += "all " + std::to_string(home.options.workers) + " workers and " + std::to_string(spares) + " spares (" +
                (spares < home.spares.most() ? "no more threads can be had" : "max_blocking_threads allows no more") +
                ") are each in one task all that time";
    }
    say(text + ":\n" + description(culprits(home, [](worker const& w) { return !w.is_asleep(); })));
} catch (std::bad_alloc const&) {
    std::fputs("ramie: work waits and no worker is free to do it, and there is no memory to say more\n", stderr);
}

void report_pinned_behind(scheduler& home, worker& stuck, std::chrono::nanoseconds for_how_long) noexcept try {
    say("ramie: pinned tasks wait for worker " + std::to_string(stuck.index) + ", which has been in one task for " +
        milliseconds(for_how_long) + "; no other worker may run them:\n" +
        description(culprits(home, [&](worker const& w) { return &w == &stuck; })));
} catch (std::bad_alloc const&) {
    std::fputs("ramie: pinned tasks wait for a worker that is stuck, and there is no memory to say more\n", stderr);
}

}  // namespace ramie::detail
