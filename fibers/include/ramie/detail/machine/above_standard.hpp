// Numbers 0 to 2 are the standard streams, also in a process that was started without them. A descriptor that is opened
// in such a process gets one of these numbers, and then every line that the program prints: a socket's peer would read
// its error messages. For descriptors that users open by the system's own calls, the system's rule holds: the lowest
// number. Descriptors that Ramie opens, for itself or for an object of its own, never have one of the three.
#pragma once

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace ramie::detail {

// For a descriptor that was just opened, close-on-exec. -1 and errno are passed on; they are also the result if the
// descriptor cannot be moved (EMFILE).
inline int above_standard(int fd) noexcept {
    constexpr int first = 3;
    if (fd < 0 || fd >= first) [[likely]] return fd;
    int const moved = ::fcntl(fd, F_DUPFD_CLOEXEC, first);
    int const error = errno;
    ::close(fd);
    errno = error;
    return moved;
}

// Moves both ends, or closes both: `answer` is the result of the call that opened them.
inline int above_standard(int answer, int (&ends)[2]) noexcept {
    if (answer < 0) return answer;
    for (int& each : ends) each = above_standard(each);
    if (ends[0] >= 0 && ends[1] >= 0) return answer;
    int const error = errno;
    for (int const each : ends)
        if (each >= 0) ::close(each);
    errno = error;
    return -1;
}

}  // namespace ramie::detail
