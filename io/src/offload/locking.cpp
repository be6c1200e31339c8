// File locks: tried in place, waited for on the pool. A lock belongs to the open file or to the process, so it does not
// matter which thread gets it. An interrupted wait has not got the lock, so there is nothing to give back.
#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"

#include <ramie/posix_files.hpp>

namespace ramie {

using detail::call_on_pool;
using detail::calling_fiber;
using detail::libc;
using detail::may_go_on;

namespace {

bool is_taken(int error) noexcept { return error == EAGAIN || error == EACCES; }

int lock_record(detail::waiter& self, int fd, int command, struct flock* lock) noexcept {
    if (lock == nullptr) return libc().fcntl(fd, command, lock);
    if (lock->l_type == F_UNLCK) return libc().fcntl(fd, command, lock);
    if (!may_go_on(self, "fcntl")) return -1;
    if (command == F_SETLK || command == F_OFD_SETLK) return libc().fcntl(fd, command, lock);
    auto const error = errno;
    auto const done = libc().fcntl(fd, command == F_SETLKW ? F_SETLK : F_OFD_SETLK, lock);
    if (done == 0 || !is_taken(errno)) return done;
    errno = error;
    return call_on_pool(self, [=] { return libc().fcntl(fd, command, lock); });
}

}  // namespace

int posix::flock(int fd, int operation) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().flock(fd, operation);
    if ((operation & LOCK_UN) != 0) return libc().flock(fd, operation);
    if (!may_go_on(*self, "flock")) return -1;
    auto const done = libc().flock(fd, operation | LOCK_NB);
    if (done == 0 || errno != EWOULDBLOCK || (operation & LOCK_NB) != 0) return done;
    return call_on_pool(*self, [=] { return libc().flock(fd, operation); });
}

int posix::lockf(int fd, int operation, off_t size) {
    auto* const self = calling_fiber();
    if (self == nullptr) return libc().lockf(fd, operation, size);
    if (operation == F_ULOCK) return libc().lockf(fd, operation, size);
    if (!may_go_on(*self, "lockf")) return -1;
    if (operation != F_LOCK) return libc().lockf(fd, operation, size);
    auto const done = libc().lockf(fd, F_TLOCK, size);
    if (done == 0 || !is_taken(errno)) return done;
    return call_on_pool(*self, [=] { return libc().lockf(fd, F_LOCK, size); });
}

int posix::fcntl(int fd, int command, void* argument) {
    bool const locks =
        command == F_SETLKW || command == F_OFD_SETLKW || command == F_SETLK || command == F_OFD_SETLK;
    auto* const self = locks ? calling_fiber() : nullptr;
    if (self == nullptr) return libc().fcntl(fd, command, argument);
    return lock_record(*self, fd, command, static_cast<struct flock*>(argument));
}

int posix::fcntl(int fd, int command, int argument) {
    return libc().fcntl(fd, command, argument);
}

}  // namespace ramie
