#include "dump/census.hpp"

#include <algorithm>
#include <utility>

namespace ramie::detail {

namespace {

// Not known counts as just now.
time_point since(sighting const& s) noexcept {
    return s.wait.since == time_point{} ? never : s.wait.since;
}

}  // namespace

void census::add(sighting&& s) {
    ++tasks_;
    key const k{s.now, s.blocking, s.waits_for(), s.stands_at, s.where.file_name(), s.where.line()};
    auto at = groups_.find(k);
    if (at == groups_.end()) {
        if (groups_.size() >= most_) {
            ++left_out_;
            return;
        }
        at = groups_.emplace(k, group{}).first;
    }
    auto& g = at->second;
    if (g.ids.size() < ids_shown) g.ids.push_back(s.id);
    if (g.count++ == 0 || since(s) < since(g.oldest)) g.oldest = std::move(s);
}

std::vector<census::group const*> census::in_order() const {
    std::vector<group const*> all;
    for (auto const& each : groups_) all.push_back(&each.second);
    std::ranges::sort(all, [](group const* a, group const* b) {
        bool const waits = a->oldest.now == sighting::doing::waits;
        if (waits != (b->oldest.now == sighting::doing::waits)) return !waits;
        auto const& x = a->oldest;
        auto const& y = b->oldest;
        if (waits) return std::pair(since(x), x.id) < std::pair(since(y), y.id);
        return std::pair(y.now, x.id) < std::pair(x.now, y.id);  // running ones first
    });
    return all;
}

}  // namespace ramie::detail
