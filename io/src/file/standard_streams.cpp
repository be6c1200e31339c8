#include <ramie/standard_streams.hpp>

#include "call/operation.hpp"
#include "call/plain_io.hpp"
#include "file/pool_file.hpp"
#include "libc/libc_calls.hpp"
#include "ready/interest_set.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ramie {

using namespace detail;

namespace {

RAMIE_NOIPA int last_answer() noexcept { return -errno; }

enum class nature : std::uint8_t { missing, like_pipe, socket, other };

nature nature_of(int fd) noexcept {
    struct stat about {};
    if (::fstat(fd, &about) != 0) return nature::missing;
    if (S_ISSOCK(about.st_mode)) return nature::socket;
    if (S_ISFIFO(about.st_mode) || (S_ISCHR(about.st_mode) && ::isatty(fd) == 1)) return nature::like_pipe;
    return nature::other;
}

// An open file description of this process alone, and non-blocking.
unique_fd open_again(int fd, bool to_read) {
    auto const name = "/proc/self/fd/" + std::to_string(fd);
    return unique_fd(
        above_standard(::open(name.c_str(), (to_read ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)));
}

// On a thread of the pool. 0: the descriptor is ready; -ECANCELED: the caller has left.
RAMIE_NOIPA long wait_ready(int fd, short events, std::stop_token const& left) {
    unique_fd const bell(above_standard(::eventfd(0, EFD_CLOEXEC)));
    if (bell.get() < 0) return -errno;
    std::stop_callback const ring(left, [&] {
        eventfd_t const one = 1;
        (void)!libc().write(bell.get(), &one, sizeof one);  // not posix::write: the aborter may be a fiber
    });
    pollfd both[]{{fd, events, 0}, {bell.get(), POLLIN, 0}};
    while (::poll(both, 2, -1) < 0) {
        if (errno != EINTR) return -errno;
    }
    return both[0].revents != 0 ? 0 : -ECANCELED;
}

RAMIE_NOIPA long read_now(int fd, std::span<std::byte> into) noexcept {
    for (;;) {
        auto const count = ::read(fd, into.data(), into.size());
        if (count >= 0) return count;
        if (errno != EINTR) return -errno;
    }
}

}  // namespace

detail::standard_stream::standard_stream(std::shared_ptr<pool_file> on_pool, owned_descriptor watched, kind k) noexcept
    : on_pool_(std::move(on_pool)), watched_(std::move(watched)), kind_(k) {}

detail::standard_stream::standard_stream(standard_stream&&) noexcept = default;

detail::standard_stream& detail::standard_stream::operator=(standard_stream&& other) noexcept {
    if (this == &other) return *this;
    close();
    on_pool_ = std::move(other.on_pool_);
    watched_ = std::move(other.watched_);
    kind_ = other.kind_;
    return *this;
}

detail::standard_stream::~standard_stream() { close(); }

void detail::standard_stream::close() noexcept {
    if (on_pool_ != nullptr) on_pool_->close();
    watched_.close();
}

template <class Stream>
std::expected<Stream, std::error_code> detail::standard_stream::open(int fd, bool to_read) {
    auto& watch = interest_set::current("a standard stream");
    auto const is = nature_of(fd);
    if (is == nature::missing) return std::unexpected(error_of(-EBADF));
    unique_fd own;
    auto k = is == nature::socket ? kind::socket : kind::watched;
    if (is == nature::like_pipe) own = open_again(fd, to_read);
    if (own.get() < 0) {
        if (is == nature::other) k = kind::direct;
        if (is == nature::like_pipe) k = kind::awaited;
        own = unique_fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (own.get() < 0) return std::unexpected(error_of(last_answer()));
    }
    if (k == kind::direct || k == kind::awaited) return Stream(std::make_shared<pool_file>(std::move(own)), {}, k);
    auto added = watch.add(std::move(own));
    if (!added) return std::unexpected(added.error());
    return Stream(nullptr, std::move(*added), k);
}

std::expected<std::size_t, std::error_code> standard_input::read(std::span<std::byte> into) {
    if (on_pool_ == nullptr)
        return read_plain(watched_, into, zero_read::is_end,
                          kind_ == kind::socket ? plain_call::socket : plain_call::file);
    into = into.first(std::min(into.size(), most_at_once));
    if (into.empty()) return 0;
    return on_pool_->read_on(into, [wait = kind_ == kind::awaited](int fd, auto own, auto& left) {
        auto const ready = wait ? wait_ready(fd, POLLIN, left) : 0;
        return ready < 0 ? ready : read_now(fd, own);
    });
}

std::expected<std::size_t, std::error_code> standard_output::write(std::span<std::byte const> from) {
    if (on_pool_ == nullptr)
        return write_plain(watched_, from, kind_ == kind::socket ? plain_call::socket : plain_call::file);
    if (from.empty()) return 0;
    // A pipe that is ready has room for PIPE_BUF bytes; a larger write could block the thread.
    bool const wait = kind_ == kind::awaited;
    auto const size = std::min(from.size(), wait ? PIPE_BUF : most_at_once);
    auto const own = std::make_shared_for_overwrite<std::byte[]>(size);
    std::memcpy(own.get(), from.data(), size);
    return on_pool_->ask("write", [own, size, wait](int fd, auto& left) -> long {
        auto const ready = wait ? wait_ready(fd, POLLOUT, left) : 0;
        return ready < 0 ? ready : write_quietly(fd, {own.get(), size});
    });
}

std::expected<standard_input, std::error_code> stdin_stream() {
    return standard_stream::open<standard_input>(STDIN_FILENO, true);
}
std::expected<standard_output, std::error_code> stdout_stream() {
    return standard_stream::open<standard_output>(STDOUT_FILENO, false);
}
std::expected<standard_output, std::error_code> stderr_stream() {
    return standard_stream::open<standard_output>(STDERR_FILENO, false);
}

}  // namespace ramie
