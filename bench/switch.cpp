// The floor: Boost.Context alone.
#include "workload.hpp"

#include <boost/context/detail/fcontext.hpp>

#include <memory>

namespace bench {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

std::vector<figure> run_switch(unsigned, std::uint64_t n) {
    constexpr std::size_t size = 64 * 1024;
    auto const stack = std::make_unique<std::byte[]>(size);
    auto const echo = [](transfer_t from) {
        for (;;) from = jump_fcontext(from.fctx, nullptr);
    };
    auto other = make_fcontext(stack.get() + size, size, echo);
    for (int i = 0; i < 1000; ++i) other = jump_fcontext(other, nullptr).fctx;
    stopwatch const watch;
    for (std::uint64_t i = 0; i < n; i += 2) other = jump_fcontext(other, nullptr).fctx;
    return {{"switch", watch.nanoseconds() / static_cast<double>(n), "ns"}};
}

}  // namespace bench
