// Children.
#include "hooked.hpp"

using ramie::hook::for_fiber;
using ramie::hook::real;

RAMIE_HOOKED_AS(pid_t, wait4, (pid_t child, int* status, int options, rusage* used), (child, status, options, used),
                noexcept)
RAMIE_HOOKED_CALL(int, waitid, (idtype_t kind, id_t id, siginfo_t* about, int options), (kind, id, about, options))
RAMIE_EXPORTED pid_t waitpid(pid_t child, int* status, int options) { return wait4(child, status, options, nullptr); }
RAMIE_EXPORTED pid_t __waitpid(pid_t child, int* status, int options) { return wait4(child, status, options, nullptr); }
RAMIE_EXPORTED pid_t wait(int* status) { return wait4(-1, status, 0, nullptr); }
RAMIE_EXPORTED pid_t __wait(int* status) { return wait4(-1, status, 0, nullptr); }
RAMIE_EXPORTED pid_t wait3(int* status, int options, rusage* used) noexcept { return wait4(-1, status, options, used); }

RAMIE_HOOKED_CALL(int, system, (char const* command), (command))
RAMIE_HOOKED_CALL(int, pclose, (FILE * stream), (stream))
