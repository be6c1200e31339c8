// What one thread has seen.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace ramie::model {

inline constexpr unsigned most_threads = 6;  // the first is the one that sets up the model

// How many steps of each thread have happened before.
using clocks = std::array<std::uint32_t, most_threads>;

class view {
  public:
    clocks clock{};

    // How far in a location's history it must have come.
    std::uint32_t at(std::uint32_t location) const noexcept { return location < places_.size() ? places_[location] : 0; }
    void raise(std::uint32_t location, std::uint32_t to) {
        if (location >= places_.size()) places_.resize(location + 1);
        places_[location] = std::max(places_[location], to);
    }
    void join(view const& other) {
        for (unsigned i = 0; i < most_threads; ++i) clock[i] = std::max(clock[i], other.clock[i]);
        if (other.places_.size() > places_.size()) places_.resize(other.places_.size());
        for (std::size_t i = 0; i < other.places_.size(); ++i) places_[i] = std::max(places_[i], other.places_[i]);
    }
    void clear() noexcept {
        clock = {};
        places_.clear();
    }

  private:
    std::vector<std::uint32_t> places_;
};

}  // namespace ramie::model
