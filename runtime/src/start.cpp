#include "start.hpp"

#include "dump/dump_watch.hpp"
#include "dump/runtimes.hpp"
#include "scheduler.hpp"

#include <ramie/detail/machine/limits_behind.hpp>
#include <ramie/detail/machine/map_count.hpp>
#include <ramie/detail/simulation/stage.hpp>
#include <ramie/detail/stack/address_space.hpp>
#include <ramie/detail/stack/stack.hpp>
#include <ramie/detail/switch/plain_thread.hpp>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>

#include <malloc.h>

namespace ramie::detail {

namespace {

// With fewer stacks a warning is printed.
constexpr std::size_t few_stacks = 1024;

std::string in_kib(std::size_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }

std::string limit_of(limited_space const& space) { return space.name + (" of " + in_kib(space.limit)); }

// glibc's malloc reserves 64 MiB of address space for each thread that allocates. Below this limit, two such threads
// would take the space that the stacks need. And where it finds no room for that, or no mapping, it gives that thread nothing at all,
// though it has memory: so neither where maps are few.
constexpr std::size_t arenas_too_dear_below = std::size_t{512} << 20;
constexpr long few_maps = 1024;
void keep_malloc_to_its_arenas() {
#if defined(__GLIBC__)
    if (std::getenv("MALLOC_ARENA_MAX") != nullptr) return;
    auto const space = limited_address_space();
    bool const too_dear = space && space->counts_reserved && space->limit < arenas_too_dear_below;
    if (too_dear || count_maps().left() < few_maps) ::mallopt(M_ARENA_MAX, 1);
#endif
}

char const* advice() {
#if defined(__GLIBC__)
    auto const space = limited_address_space();
    if (space && space->counts_reserved && space->limit >= arenas_too_dear_below && std::getenv("MALLOC_ARENA_MAX") == nullptr)
        return " (MALLOC_ARENA_MAX=1 in the environment makes malloc take less)";
#endif
    return "";
}

// An error of ours is passed on without its code's own text; another error gets words that say what it was about.
std::string said_by(std::system_error const& e) {
    std::string what = e.what();
    if (!what.starts_with("ramie: ") || what.starts_with(plain_thread::no_further)) return "ramie: a thread of the runtime cannot be started";
    auto const ending = ": " + e.code().message();
    if (what.ends_with(ending)) what.resize(what.size() - ending.size());
    return what;
}

// Why there may be no further thread, and what the program can ask for instead.
std::string about_threads(std::error_code error, unsigned workers) {
    constexpr std::size_t room_for_one = std::size_t{16} << 20;
    auto const space = limited_address_space();
    bool const has_room = !space || space->free > room_for_one;
    return (has_room ? limits_behind(error) : "") + "; this runtime takes one for each of its workers (" + std::to_string(workers) +
           "; option workers, RAMIE_WORKERS) and two more, a current_thread runtime none";
}

// Its message is complete: it already names the limit.
class limit_too_low : public std::system_error {
  public:
    limit_too_low(limited_space const& space, std::string const& why)
        : system_error(std::make_error_code(std::errc::not_enough_memory), "ramie: " + limit_of(space) + " is too low: " + why) {}
};

// For all that could not be had: users do not think of the limit, so the message names it.
[[noreturn]] void fail(std::error_code code, std::string what) {
    if (auto const space = limited_address_space())
        what += "; " + limit_of(*space) + " leaves " + in_kib(space->free) + advice();
    throw std::system_error(code, what);
}

// The first slab of stacks, before threads take the rest.
void reserve_first_slab(std::uint8_t stack_class) {
    auto const room = limited_room_for_stacks(stack_class);
    if (!room || room->at_hand != 0) return;
    try {
        stack_cache briefly;
        briefly.put(briefly.take(stack_class));
    } catch (std::bad_alloc const&) {
        throw limit_too_low(room->space, "it leaves " + in_kib(room->space.left) + " for stacks, and the first slab takes " + in_kib(room->slab));
    }
}

// The runtime's threads and descriptors exist by now.
void say_how_many_stacks(std::uint8_t stack_class) {
    auto const room = limited_room_for_stacks(stack_class);
    if (!room || room->at_hand + room->slabs * room->stacks >= few_stacks) return;
    std::fprintf(stderr,
                 "ramie: %s is low: it leaves room for %zu slabs of %u stacks%s, beside %zu stacks that are there; a task that "
                 "finds none fails with std::bad_alloc\n",
                 limit_of(room->space).c_str(), room->slabs, room->stacks, advice(), room->at_hand);
}

}  // namespace

void refuse_too_small_address_space(unsigned workers) {
    // Task blocks, and for each worker malloc's fallback and a signal stack.
    auto const least = (std::size_t{4} + workers) << 20;
    auto const space = limited_address_space();
    if (space && space->free < least)
        throw limit_too_low(*space, "the runtime's threads and first stacks leave " + in_kib(space->free) + ", and less than " + in_kib(least) +
                           " is too little to work with");
}

std::shared_ptr<scheduler> start_scheduler(settings options) {
    if (options.simulated == nullptr && this_stage() != nullptr)
        refuse_in_simulation("a runtime", "the simulation is one; call the function that would run in it");
    auto presence = std::make_unique<home_process::runtime_presence>();
    auto const stack_class = options.stack_class;
    auto const workers = options.current_thread ? 0 : options.workers;
    keep_malloc_to_its_arenas();
    reserve_first_slab(stack_class);
    try {
        auto made = std::make_shared<scheduler>(std::move(options), std::move(presence));
        say_how_many_stacks(stack_class);
        note_runtime(made);
        try {
            begin_dump_watch(*made);
        } catch (...) {
            (void)made->shut_down(never);
            throw;
        }
        return made;
    } catch (limit_too_low const&) {
        throw;
    } catch (std::system_error const& e) {
        bool const is_thread = workers != 0 && e.code() == std::errc::resource_unavailable_try_again;
        fail(e.code(), said_by(e) + (is_thread ? about_threads(e.code(), workers) : limits_behind(e.code())));
    } catch (std::bad_alloc const&) {
        auto const code = std::make_error_code(std::errc::not_enough_memory);
        fail(code, "ramie: there is no memory for a runtime" + limits_behind(code));
    }
}

}  // namespace ramie::detail
