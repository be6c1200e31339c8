#include "unix/socket_file_claim.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

// In a sticky directory where every user may write, another user's file or link is not ours to open.
RAMIE_NOIPA int open_lock(char const* path) noexcept {
    auto const fd =
        above_standard(::open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR));
    return fd < 0 ? -errno : fd;
}

RAMIE_NOIPA int lock(int fd) noexcept {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return 0;
    return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
}

bool stands_for(char const* path, int fd) noexcept {
    struct stat named, opened;
    return ::lstat(path, &named) == 0 && ::fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

}  // namespace

socket_file_claim::socket_file_claim(unix_endpoint const& at) {
    if (!at.is_path()) return;
    path_ = std::string(at.name()) + ".ramie-lock";
    do {
        lock_ = unique_fd(open_lock(path_.c_str()));
        answer_ = lock_.get() < 0 ? lock_.get() : lock(lock_.get());
    } while (answer_ == 0 && !stands_for(path_.c_str(), lock_.get()));
}

socket_file_claim::~socket_file_claim() {
    if (!path_.empty() && answer_ == 0) (void)::unlink(path_.c_str());
}

}  // namespace ramie::detail
