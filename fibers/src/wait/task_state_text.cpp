#include <ramie/detail/wait/task_state.hpp>

#include <cstdio>
#include <cstdlib>

namespace ramie::detail {

char const* task_state::snapshot::text(char* into, std::size_t size) const noexcept {
    constexpr char const* phases[] = {"unstarted", "running", "parked", "finished"};
    constexpr char const* outcomes[] = {"", ", last woken", ", last wait aborted", ", last wait ended by its limit"};
    (void)std::snprintf(into, size, "%s%s%s%s%s%s, references: %u, wait %llu%s", phases[static_cast<unsigned>(now)],
                        abort ? ", is to stop" : "", abortable ? ", can be aborted" : "",
                        telling ? ", tells its end" : "", joiner ? ", has a joiner" : "", handle ? ", has a handle" : "",
                        references, static_cast<unsigned long long>(generation), outcomes[static_cast<unsigned>(last)]);
    return into;
}

void task_state::die_of(char const* breach, std::uint64_t w) noexcept {
    char found[160];
    (void)std::fprintf(stderr, "ramie: a mistake in the library: %s; the task is %s\n", breach,
                       taken_apart(w).text(found, sizeof found));
    std::abort();
}

}  // namespace ramie::detail
