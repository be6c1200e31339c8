// ramie::posix for children. All that posix.hpp says holds here too.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstdio>

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

namespace ramie::posix {

// A wait for the end of one child parks (by a pidfd). Waits for any child, for a group, for stops and continuations,
// and with __WALL (tracers): on the runtime's blocking pool, where an abort interrupts them (posix_files.hpp). With
// WNOHANG they never wait. With __WNOTHREAD, which asks for the children of the calling thread, they block the worker.
RAMIE_API pid_t wait4(pid_t child, int* status, int options, rusage* used);
RAMIE_API int waitid(idtype_t kind, id_t id, siginfo_t* about, int options);
inline pid_t waitpid(pid_t child, int* status, int options) { return posix::wait4(child, status, options, nullptr); }
inline pid_t wait(int* status) { return posix::wait4(-1, status, 0, nullptr); }
inline pid_t wait3(int* status, int options, rusage* used) { return posix::wait4(-1, status, options, used); }

// On the blocking pool. On abort: -1 with ECANCELED, and the command goes on; the pool waits for its end.
RAMIE_API int system(char const* command);
// On the blocking pool. On abort the stream is closed in any case, and the pool, not the caller, waits for the child.
RAMIE_API int pclose(std::FILE* stream);

}  // namespace ramie::posix
