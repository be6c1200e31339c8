#include "unix/unix_binding.hpp"

#include <cerrno>

#include <sys/stat.h>

namespace ramie::detail {

void unix_binding::bind_or_replace_stale() noexcept {
    auto answer = mine_.answer() == -EADDRINUSE ? -EADDRINUSE : made_.try_bind(at_.data(), at_.size());
    if (answer == -EADDRINUSE && mine_.answer() != -EADDRINUSE && is_stale()) {
        answer = mine_.answer();  // without the claim the file is not removed
        if (answer == 0) {
            (void)::unlink(at_.name().data());  // the next bind() reports what came of it
            answer = made_.try_bind(at_.data(), at_.size());
        }
    }
    made_.take(answer);
}

bool unix_binding::is_stale() const noexcept {
    struct stat file;
    if (!at_.is_path() || ::lstat(at_.name().data(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
    unique_fd const asking(socket_call::open(AF_UNIX, type_));
    return asking && socket_call::connect(asking.get(), at_.data(), at_.size()) == -ECONNREFUSED;
}

}  // namespace ramie::detail
