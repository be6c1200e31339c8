// The decisions of one run, and which runs are still to be tried: a path through a tree, depth first.
#pragma once

#include <string>
#include <vector>

namespace ramie::model {

class decisions {
  public:
    // One of 0 .. n-1: what this run is to take here. At first the first.
    unsigned choose(unsigned n) {
        if (n <= 1) return 0;
        if (next_ == path_.size()) path_.push_back({0, n});
        return path_[next_++].taken;
    }
    // To the next run. False: all are tried.
    bool advance() {
        path_.resize(next_);
        next_ = 0;
        while (!path_.empty() && path_.back().taken + 1 == path_.back().of) path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().taken;
        return true;
    }
    void rewind() noexcept { next_ = 0; }

    std::string text() const {
        std::string all;
        for (std::size_t i = 0; i < next_; ++i) all += (i > 0 ? "." : "") + std::to_string(path_[i].taken);
        return all;
    }
    // What text() wrote.
    static decisions of(std::string const& text);

  private:
    struct decision {
        unsigned taken, of;
    };
    std::vector<decision> path_;
    std::size_t next_ = 0;
};

}  // namespace ramie::model
