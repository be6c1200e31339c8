// How many processors this process can keep busy: those its threads may run on, and no more than its cgroups give it time
// for (rounded up). That many workers run at the same time; with more, the kernel stops all of them for the rest of each
// period once the quota is used up.
#pragma once

namespace ramie::detail {

// At least 1. Asked anew each time, but for the quota, which is read once.
unsigned usable_processors() noexcept;

}  // namespace ramie::detail
