// All tasks, counted in groups of those that do the same at the same place. It keeps one task of each group, and some
// numbers of others: so its size depends on how many places there are, and not on how many tasks.
#pragma once

#include "dump/sighting.hpp"

#include <cstddef>
#include <map>
#include <string_view>
#include <tuple>
#include <vector>

namespace ramie::detail {

class census {
  public:
    static constexpr std::size_t ids_shown = 10;

    struct group {
        sighting oldest;  // the one that has waited longest, else the first
        std::size_t count = 0;
        std::vector<task_id> ids;
    };

    explicit census(std::size_t most_groups) : most_(most_groups) {}

    void add(sighting&& s);
    // The oldest waits first; what does not wait before all of them.
    std::vector<group const*> in_order() const;
    std::size_t tasks() const noexcept { return tasks_; }
    // Tasks that came when there was no room for another group.
    std::size_t left_out() const noexcept { return left_out_; }

  private:
    // File names of places are compared by address: they are literals. The same file may have two, which makes two
    // groups.
    using key = std::tuple<sighting::doing, bool, std::string_view, trace_number, char const*, std::uint_least32_t>;

    std::size_t const most_;
    std::map<key, group> groups_;
    std::size_t tasks_ = 0, left_out_ = 0;
};

}  // namespace ramie::detail
