// How many processors this process can keep busy: those its threads may run on, but no more than its cgroups give it
// time for (rounded up). So many workers run at the same time; with more, the kernel would stop all of them for the
// rest of each period once the quota is used up.
#pragma once

namespace ramie::detail {

// At least 1. Read anew at each call, except the quota, which is read once.
unsigned usable_processors() noexcept;

}  // namespace ramie::detail
