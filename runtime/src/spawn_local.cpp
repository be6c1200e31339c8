#include <ramie/spawn_local.hpp>

#include "carrier.hpp"
#include "scheduler.hpp"

#include <stdexcept>

namespace ramie::detail {

scheduler& here_for_local() {
    auto& home = carrier::here("spawn_local");
    auto const* const w = this_worker();
    bool const stays = w != nullptr && w->current != nullptr && (w->current->pinned || (home.options.current_thread && home.options.simulated == nullptr));
    if (!stays)
        throw std::logic_error(
            "ramie: spawn_local was called where the caller itself may go on in another thread; call it from a task spawned "
            "with {.pinned = true}, or in a current_thread runtime");
    return home;
}

void submit_local(scheduler& here, task& t) { here.submit_local(t); }

}  // namespace ramie::detail
