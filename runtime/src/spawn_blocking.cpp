#include <ramie/spawn_blocking.hpp>

#include "scheduler.hpp"

namespace ramie::detail {

void submit_blocking(scheduler& where_to, task& t) { where_to.submit_blocking(t); }

}  // namespace ramie::detail
