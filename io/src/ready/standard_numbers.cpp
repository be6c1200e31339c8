#include "ready/standard_numbers.hpp"

#include "ready/unique_fd.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>

namespace ramie::detail {

namespace {

bool is_open(int number) noexcept {
    return ::fcntl(number, F_GETFD) >= 0;
}

[[noreturn]] void fail() {
    throw std::system_error(errno, std::system_category(), "ramie: no placeholder for a closed standard descriptor");
}

}  // namespace

standard_numbers::standard_numbers() {
    if (is_open(0) && is_open(1) && is_open(2)) return;
    int ends[2];
    struct stat about {};
    if (::pipe2(ends, O_CLOEXEC) != 0) fail();
    unique_fd above[2];  // one of each end that got no number below
    for (auto const end : ends) {
        if (end < count) held_[static_cast<std::size_t>(end)] = true;
    }
    for (auto const i : {0, 1})
        if (ends[i] >= count) above[i] = unique_fd(ends[i]);
    if (::fstat(ends[0], &about) != 0) fail();
    device_ = about.st_dev;
    inode_ = about.st_ino;
    for (;;) {
        unique_fd next(::fcntl(ends[0], F_DUPFD_CLOEXEC, 0));
        if (!next) fail();
        if (next.get() >= count) return;
        held_[static_cast<std::size_t>(next.release())] = true;
    }
}

standard_numbers::~standard_numbers() {
    for (int number = 0; number < count; ++number)
        if (held_[static_cast<std::size_t>(number)] && is_ours(number)) ::close(number);
}

bool standard_numbers::is_ours(int number) const noexcept {
    struct stat about {};
    return ::fstat(number, &about) == 0 && about.st_dev == device_ && about.st_ino == inode_;
}

}  // namespace ramie::detail
