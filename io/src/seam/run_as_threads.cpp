#include "lot/lot_bell.hpp"
#include "posix/blocking_call.hpp"
#include "posix/main_fiber.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/run_as_threads.hpp>

#include <cstdlib>
#include <stdexcept>

namespace ramie::detail {

void must_be_hooked() {
    if (is_hooked()) return;
    throw std::logic_error(
        "ramie: run_as_threads needs libramie-hook in the process, or every blocking call blocks a worker: link it "
        "(pkg-config ramie-hook) or LD_PRELOAD it, and do not set RAMIE_HOOK=off");
}

main_seat::main_seat() noexcept {
    auto const* const self = running_fiber();
    if (self == nullptr) return;
    lot_bell::install();
    seated_ = main_fiber::sit_down(*self);
}

main_seat::~main_seat() {
    if (seated_ && home_process::is_here()) main_fiber::stand_up();
}

void end_if_forked(int status) {
    if (!home_process::is_here()) std::exit(status);
}

runtime_options with_room(runtime_options options) {
    if (!options.stack_size && std::getenv("RAMIE_STACK_SIZE") == nullptr) options.stack_size = std::size_t{1} << 20;
    return options;
}

}  // namespace ramie::detail
