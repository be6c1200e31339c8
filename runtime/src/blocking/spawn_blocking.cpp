#include <ramie/spawn_blocking.hpp>

#include "scheduler.hpp"

#include <stdexcept>
#include <string>

namespace ramie::detail {

spawn_terms without_stack(spawn_terms terms) {
    if (terms.options != nullptr && terms.options->stack_size != 0)
        throw std::invalid_argument("ramie: spawn_blocking: stack_size is " + std::to_string(terms.options->stack_size) +
                                    "; only 0 is accepted, for a job runs on a thread's stack");
    return terms;
}

void submit_blocking(scheduler& where_to, task& t, blocking_share share) {
    where_to.submit_blocking(t, share);
}

}  // namespace ramie::detail
