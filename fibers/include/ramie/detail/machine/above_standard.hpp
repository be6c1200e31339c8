// Numbers 0 to 2 are the standard streams, also in a process that was started without them. Whatever is opened there gets one,
// and then every line that anybody prints: a socket's peer reads the program's error messages. What users open by the
// system's own calls goes by the system's rule, the lowest number; what Ramie opens, for itself or for an object of its own,
// never has one of the three.
#pragma once

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace ramie::detail {

// For what was opened a moment ago, close-on-exec. -1 and errno stays so; and so ends what cannot be moved (EMFILE).
inline int above_standard(int fd) noexcept {
    constexpr int first = 3;
    if (fd < 0 || fd >= first) [[likely]] return fd;
    int const moved = ::fcntl(fd, F_DUPFD_CLOEXEC, first);
    int const error = errno;
    ::close(fd);
    errno = error;
    return moved;
}

// Both, or neither: `answer` is of the call that opened them.
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
