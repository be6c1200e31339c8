// sum_fibers [BLOCKS [PAUSE_MS [BAD_BLOCK]]]: divide and conquer: both halves as tasks, down to single blocks.
//
// To be read beside sum_coroutines.cpp. A block that cannot be read ends everything at once.

#include "blocks.hpp"

#include <ramie/ramie.hpp>

#include <cstdint>

namespace {

std::uint64_t sum_of(sum::range blocks, sum::plan const& p) {
    if (blocks.count == 1) {
        sum::open(blocks.first, p);
        if (p.pause.count() > 0) ramie::this_fiber::sleep_for(p.pause);
        return sum::value_of(blocks.first);
    }
    auto const [left, right] = ramie::try_join([&] { return sum_of(blocks.left(), p); },
                                               [&] { return sum_of(blocks.right(), p); });
    return left + right;
}

}  // namespace

int main(int argc, char** argv) {
    return sum::report(sum::plan_from(argc, argv),
                       [](sum::plan const& p) { return ramie::run([&] { return sum_of({1, p.blocks}, p); }); });
}
