#include <ramie/io_metrics.hpp>

#include "ready/shortage.hpp"

namespace ramie {

io_metrics io_statistics() noexcept { return {detail::shortage::of_process().pauses()}; }

}  // namespace ramie
