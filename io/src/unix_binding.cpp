#include "unix_binding.hpp"

#include <cerrno>

#include <sys/stat.h>

namespace ramie::detail {

namespace {

bool is_stale(unix_endpoint const& at, int type) noexcept {
    struct stat file;
    if (!at.is_path() || ::lstat(at.name().data(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
    unique_fd const asking(socket_call::open(AF_UNIX, type));
    return asking && socket_call::connect(asking.get(), at.data(), at.size()) == -ECONNREFUSED;
}

}  // namespace

void bind_unix(new_socket& made, unix_endpoint const& at, int type, bool replace_stale) noexcept {
    if (!replace_stale) return made.bind(at.data(), at.size());
    auto answer = made.try_bind(at.data(), at.size());
    if (answer == -EADDRINUSE && is_stale(at, type)) {
        (void)::unlink(at.name().data());  // the next bind() says what came of it
        answer = made.try_bind(at.data(), at.size());
    }
    made.take(answer);
}

}  // namespace ramie::detail
