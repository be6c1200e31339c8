#include <ramie/block_in_place.hpp>

#include "carrier.hpp"
#include "scheduler.hpp"

#include <stdexcept>

namespace ramie::detail {

worker_loan::worker_loan() {
    auto* const w = this_worker();
    if (w == nullptr || w->current == nullptr) return;
    if (w->home.options.simulated != nullptr) return;  // its thread is the only one: the others wait meanwhile
    if (w->home.options.current_thread)
        throw std::logic_error("ramie: block_in_place in a current_thread runtime would stop all its tasks; use spawn_blocking");
    if (w->current->local)
        throw std::logic_error(
            "ramie: block_in_place in a spawn_local task would stop all it shares its thread with; use spawn_blocking");
    if (w->lend()) lent_ = w;
}

// The task may have waited inside: then the worker took itself back (worker::look_around), or another task has lent it
// since, and that loan must not be ended here.
worker_loan::~worker_loan() {
    auto* const w = this_worker();
    if (lent_ != nullptr && w == lent_ && w->lent_by() == w->current) w->take_back();
}

}  // namespace ramie::detail
