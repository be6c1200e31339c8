// How many spares stand in for stuck workers.
//
// More are wanted when something waits and no worker is free to take it: none sleeps, none has picked since the last
// look, no spare is on its way. So it does not matter to which worker the work belongs, where it waits, or how often
// this happens.
//
//   Blocked workers cost no processor time. So the number of workers that are not blocked should equal the number of
//   regular workers: after two looks in vain (one look may be due to a busy machine) as many more come as there are
//   regular workers; from then on after each look, and each time twice as many. In this way n tasks that block are all
//   started within log(n) looks. Workers that compute share the processors with their spares. If as many compute as the
//   runtime has workers, a further one only gives waiting work its turn, so it comes late, and each next one later.
//
// Fewer are wanted when, for some looks, more are at work than workers are stuck; and at once when all sleep.
#pragma once

#include <algorithm>
#include <cstddef>

namespace ramie::detail {

class rescue_rule {
  public:
    rescue_rule(unsigned workers, unsigned most) noexcept : workers_(workers), most_(most) {}

    struct sight {
        unsigned blocked = 0, computing = 0;  // stuck workers, spares among them
        bool none_is_free = false;          // and something waits
        std::size_t waiting = 0;              // roughly how much; 0: there is only no worker in the driver
    };
    // Returns how many are wanted.
    unsigned look(sight const& s) noexcept {
        if (!s.none_is_free) {
            looks_in_vain_ = 0;
            lower(s.blocked + s.computing);
            return wanted_;
        }
        looks_surplus_ = 0;
        if (++looks_in_vain_ >= patience(s)) {
            looks_in_vain_ = 0;
            wanted_ = std::min(most_, wanted_ + more(s));
        }
        return wanted_;
    }
    void all_sleep() noexcept { *this = rescue_rule(workers_, most_); }

  private:
    static constexpr unsigned first_patience = 2, patience_of_computing = 8, looks_until_lower = 8;

    unsigned patience(sight const& s) const noexcept {
        if (s.computing >= workers_) return patience_of_computing + 2 * (s.computing - workers_);
        return wanted_ == 0 ? first_patience : 1;
    }
    unsigned more(sight const& s) const noexcept {
        if (s.computing >= workers_) return 1;
        auto const useful = s.computing == 0 ? std::max(workers_, wanted_) : workers_ - s.computing;
        return static_cast<unsigned>(std::clamp<std::size_t>(s.waiting, 1, useful));
    }
    void lower(unsigned stuck) noexcept {
        if (wanted_ <= stuck) looks_surplus_ = 0;
        else if (++looks_surplus_ >= looks_until_lower) {
            looks_surplus_ = 0;
            wanted_ -= (wanted_ - stuck + 1) / 2;
        }
    }

    unsigned workers_, most_;
    unsigned wanted_ = 0;
    unsigned looks_in_vain_ = 0, looks_surplus_ = 0;
};

}  // namespace ramie::detail
