// How many mappings this process has, and may have (vm.max_map_count). At the limit the kernel refuses every further one: to malloc,
// to a thread's stack, to a slab of stacks.
#pragma once

namespace ramie::detail {

struct map_count {
    long used = 0;  // 0: not known
    long most = 0;  // Linux's usual limit, if the real one is not known
    long left() const noexcept { return most - used; }
};

// Reads /proc.
map_count count_maps() noexcept;

}  // namespace ramie::detail
