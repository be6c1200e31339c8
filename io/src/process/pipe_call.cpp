#include "process/pipe_call.hpp"

#include "call/answer.hpp"
#include "libc/libc_calls.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>

#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ramie::detail::pipe_call {

RAMIE_NOIPA int make(int (&ends)[2], int flags) noexcept {
    return answer_of([&] { return above_standard(::pipe2(ends, flags | O_CLOEXEC), ends); });
}

RAMIE_NOIPA int open(char const* path, int access) noexcept {
    return answer_of([&] { return above_standard(::open(path, access | O_NONBLOCK | O_CLOEXEC)); });
}

RAMIE_NOIPA ssize_t read(int fd, iovec const* into, std::size_t count) noexcept {
    return answer_of([&] { return libc().readv(fd, into, static_cast<int>(count)); });
}

RAMIE_NOIPA int set_capacity(int fd, std::size_t bytes) noexcept {
    if (bytes > INT_MAX) return -EINVAL;
    return answer_of([&] { return ::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(bytes)); });
}

RAMIE_NOIPA int is_pipe(int fd) noexcept {
    struct stat what;
    if (auto const answer = answer_of([&] { return ::fstat(fd, &what); }); answer < 0) return answer;
    return S_ISFIFO(what.st_mode) ? 1 : 0;
}

}  // namespace ramie::detail::pipe_call
