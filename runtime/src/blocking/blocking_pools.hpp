// The blocking pool's shares: a pool of its own for each kind of work, so that none starves another.
//
//   share   threads                  left behind, besides them      why
//   jobs    max_blocking_threads     none                           the limit is the user's: aborted jobs that still
//           run
//                                                                   count, too
//   files   max_blocking_threads     a quarter of that              a call on a dead network drive never ends
//   names   a quarter of that        as many                        a look-up of a silent server takes half a minute
//   calls   max_blocking_threads     a quarter of that              they wait for other threads and processes
//   steps   one for each worker      none                           it only computes
#pragma once

#include "blocking/blocking_pool.hpp"

#include <ramie/detail/blocking/blocking_share.hpp>
#include <ramie/runtime_metrics.hpp>

#include <algorithm>
#include <array>

namespace ramie::detail {

class blocking_pools {
  public:
    blocking_pools(scheduler& home, unsigned most, unsigned workers)
        : pools_{{{home, "ramie-blocking", most, 0},
                  {home, "ramie-files", most, part_of(most)},
                  {home, "ramie-names", part_of(most), part_of(most)},
                  {home, "ramie-calls", most, part_of(most)},
                  {home, "ramie-steps", std::min(most, workers), 0}}} {}

    blocking_pool& of(blocking_share share) noexcept { return pools_[static_cast<std::size_t>(share)]; }

    void add_to(runtime_metrics& m) const noexcept {
        for (auto const& each : pools_) {
            m.blocking_threads += each.threads();
            m.blocking_queued += each.queued();
            m.blocking_left_behind += each.left_behind();
        }
    }
    // See blocking_pool.
    void stop() noexcept {
        for (auto& each : pools_) each.stop();
    }

  private:
    static unsigned part_of(unsigned most) noexcept { return std::max(1u, most / 4); }

    std::array<blocking_pool, 5> pools_;  // in the order of blocking_share
};

}  // namespace ramie::detail
