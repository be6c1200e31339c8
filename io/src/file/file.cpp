#include <ramie/file.hpp>

#include "call/answer.hpp"
#include "call/ask_on_pool.hpp"
#include "call/operation.hpp"
#include "call/plain_io.hpp"
#include "file/pool_file.hpp"
#include "ready/interest_set.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/machine/above_standard.hpp>
#include <ramie/write_all.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ramie {

using namespace detail;

namespace {

constexpr auto farthest = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

// The result, or -errno. It stays on one thread from begin to end.
template <class Call>
RAMIE_NOIPA long opaque_answer_of(Call call) noexcept {
    return static_cast<long>(answer_of(call));
}

int flags_of(open_options const& how) {
    bool const writes = how.write || how.append;
    auto const refuse = [](char const* why) {
        throw std::invalid_argument(std::string("ramie: open_options: ") + why);
    };
    if (!how.read && !writes) refuse("one of read, write and append is needed");
    if (how.truncate && !writes) refuse("truncate needs write");
    if (how.truncate && how.append) refuse("truncate and append exclude each other");
    if ((how.create || how.create_new) && !writes) refuse("create and create_new need write or append");
    if ((how.permissions & ~07777u) != 0) refuse("permissions are 0 to 07777");
    int flags = how.read && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
    if (how.append) flags |= O_APPEND;
    if (how.truncate) flags |= O_TRUNC;
    if (how.create) flags |= O_CREAT;
    if (how.create_new) flags |= O_CREAT | O_EXCL;
    // Non-blocking, for what is watched; regular files ignore that. A terminal does not become the controlling one.
    return flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
}

// /dev/null and the like cannot be watched, and need not be.
bool can_be_watched(int fd) noexcept {
    unique_fd const probe(above_standard(::epoll_create1(EPOLL_CLOEXEC)));
    epoll_event nothing{};
    return ::epoll_ctl(probe.get(), EPOLL_CTL_ADD, fd, &nothing) == 0 || errno != EPERM;
}

long size_of(int fd) noexcept {
    struct stat about {};
    if (auto const answer = opaque_answer_of([&] { return ::fstat(fd, &about); }); answer < 0) return answer;
    if (S_ISBLK(about.st_mode)) return opaque_answer_of([&] { return ::lseek(fd, 0, SEEK_END); });
    return about.st_size;
}

}  // namespace

struct file::opened {
    unique_fd fd;
    owned_descriptor watched;
    kind is;
    bool append;
};

std::expected<file::opened, std::error_code> file::open_blocking(std::string const& path, int flags,
                                                                 unsigned permissions) {
    auto const mode = static_cast<mode_t>(permissions);
    unique_fd fd(static_cast<int>(opaque_answer_of([&] { return above_standard(::open(path.c_str(), flags, mode)); })));
    if (fd.get() < 0) return std::unexpected(error_of(fd.get()));
    struct stat about {};
    if (auto const answer = opaque_answer_of([&] { return ::fstat(fd.get(), &about); }); answer < 0)
        return std::unexpected(error_of(answer));
    auto const type = about.st_mode & S_IFMT;
    auto is = kind::watched;
    if (type == S_IFREG || type == S_IFBLK || type == S_IFDIR) is = kind::positioned;
    else if (type == S_IFIFO) is = kind::fifo;
    else if (!can_be_watched(fd.get())) is = kind::unpolled;
    return opened{std::move(fd), {}, is, (flags & O_APPEND) != 0};
}

std::expected<file, std::error_code> file::open(std::string path, open_options const& how) {
    auto const flags = flags_of(how);
    auto& self = waiter::enter();
    if (path.find('\0') != path.npos) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    auto const found = [&]() -> std::expected<opened, std::error_code> {
        if (!self.is_fiber()) return open_blocking(path, flags, how.permissions);
        try {
            // If the caller has left before the file is open, the new descriptor is closed.
            auto answer = ask_on_pool<blocking_share::files>(
                [path, flags, permissions = how.permissions] { return open_blocking(path, flags, permissions); });
            if (answer) return std::move(*answer);
            if (answer.error().is_exception()) answer.error().rethrow();
        } catch (std::system_error const& no_thread) {
            return std::unexpected(no_thread.code());
        }
        return std::unexpected(std::make_error_code(std::errc::operation_canceled));  // the runtime is shutting down
    };
    auto it = found();
    if (!it) return std::unexpected(it.error());
    if (it->is == kind::watched || it->is == kind::fifo) {
        auto added = interest_set::current("file::open of a pipe or terminal").add(std::move(it->fd));
        if (!added) return std::unexpected(added.error());
        it->watched = std::move(*added);
    }
    return file(std::move(*it));
}

file::file(opened&& o)
    : on_pool_(o.fd.get() < 0 ? nullptr : std::make_shared<pool_file>(std::move(o.fd))),
      watched_(std::move(o.watched)),
      kind_(o.is),
      append_(o.append) {}

file::file(file&&) noexcept = default;

file& file::operator=(file&& other) noexcept {
    if (this == &other) return *this;
    close();
    on_pool_ = std::move(other.on_pool_);
    watched_ = std::move(other.watched_);
    kind_ = other.kind_;
    append_ = other.append_;
    position_ = other.position_;
    return *this;
}

file::~file() { close(); }

void file::close() noexcept {
    if (on_pool_ != nullptr) on_pool_->close();
    watched_.close();
}

int file::native_handle() const noexcept { return on_pool_ != nullptr ? on_pool_->fd() : watched_.fd(); }

// For calls that do not wait if the descriptor is watched.
template <class Call>
std::expected<std::uint64_t, std::error_code> file::ask(char const* what, Call call) const {
    if (on_pool_ != nullptr) return on_pool_->ask(what, [c = std::move(call)](int fd, auto&) { return c(fd); });
    operation const mine(watched_, what);
    if (!mine) return std::unexpected(closed_before());
    auto const answer = call(mine.fd());
    if (answer < 0) return std::unexpected(error_of(answer));
    return static_cast<std::uint64_t>(answer);
}

std::expected<std::size_t, std::error_code> file::pread(std::span<std::byte> into, std::uint64_t offset) {
    auto const size = std::min(into.size(), most_at_once);
    auto const own = std::make_shared_for_overwrite<std::byte[]>(size);
    auto const count = ask("pread", [own, size, at = static_cast<off_t>(offset)](int fd) {
        return opaque_answer_of([&] { return ::pread(fd, own.get(), size, at); });
    });
    if (count && *count > 0) std::memcpy(into.data(), own.get(), *count);
    return count;
}

std::expected<std::size_t, std::error_code> file::pwrite(std::span<std::byte const> from, std::uint64_t offset) {
    auto const size = std::min(from.size(), most_at_once);
    auto const own = std::make_shared_for_overwrite<std::byte[]>(size);
    if (size > 0) std::memcpy(own.get(), from.data(), size);
    return ask("pwrite", [own, size, at = static_cast<off_t>(offset)](int fd) {
        return opaque_answer_of([&] { return ::pwrite(fd, own.get(), size, at); });
    });
}

std::expected<std::size_t, std::error_code> file::read(std::span<std::byte> into) {
    into = into.first(std::min(into.size(), most_at_once));
    if (kind_ == kind::positioned) {
        auto const count = pread(into, position_);
        if (count) position_ += *count;
        return count;
    }
    if (on_pool_ != nullptr)
        return on_pool_->read_on(into, [](int fd, std::span<std::byte> own, std::stop_token const&) {
            return opaque_answer_of([&] { return ::read(fd, own.data(), own.size()); });
        });
    return read_plain(watched_, into, kind_ == kind::fifo ? zero_read::may_be_no_writer_yet : zero_read::is_end);
}

std::expected<std::size_t, std::error_code> file::write(std::span<std::byte const> from) {
    if (kind_ == kind::positioned && !append_) {
        auto const count = pwrite(from, position_);
        if (count) position_ += *count;
        return count;
    }
    if (on_pool_ == nullptr) return write_plain(watched_, from);
    auto const size = std::min(from.size(), most_at_once);
    auto const own = std::make_shared_for_overwrite<std::byte[]>(size);
    if (size > 0) std::memcpy(own.get(), from.data(), size);
    return ask("write", [own, size](int fd) { return opaque_answer_of([&] { return ::write(fd, own.get(), size); }); });
}

std::expected<std::uint64_t, std::error_code> file::seek(std::int64_t offset, seek_from from) {
    if (kind_ != kind::positioned) {
        auto const whence = from == seek_from::start ? SEEK_SET : from == seek_from::current ? SEEK_CUR : SEEK_END;
        return ask("seek", [=](int fd) { return opaque_answer_of([&] { return ::lseek(fd, offset, whence); }); });
    }
    std::uint64_t base = from == seek_from::current ? position_ : 0;
    if (from == seek_from::end) {
        auto const end = size();
        if (!end) return end;
        base = *end;
    } else if (native_handle() < 0) {
        return std::unexpected(closed_before());
    }
    auto const target = base + static_cast<std::uint64_t>(offset);
    bool const before_start = offset < 0 && target > base;
    if (before_start || target > farthest) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    return position_ = target;
}

std::expected<std::uint64_t, std::error_code> file::size() const { return ask("size", size_of); }

std::expected<void, std::error_code> file::truncate(std::uint64_t size) {
    auto const answer = ask("truncate", [at = static_cast<off_t>(size)](int fd) {
        return opaque_answer_of([&] { return ::ftruncate(fd, at); });
    });
    if (!answer) return std::unexpected(answer.error());
    return {};
}

std::expected<void, std::error_code> file::sync() {
    auto const answer = ask("sync", [](int fd) { return opaque_answer_of([&] { return ::fsync(fd); }); });
    if (!answer) return std::unexpected(answer.error());
    return {};
}

std::expected<void, std::error_code> file::datasync() {
    auto const answer = ask("datasync", [](int fd) { return opaque_answer_of([&] { return ::fdatasync(fd); }); });
    if (!answer) return std::unexpected(answer.error());
    return {};
}

std::expected<std::string, std::error_code> read_file(std::string path) {
    auto from = file::open(std::move(path));
    if (!from) return std::unexpected(from.error());
    auto const size = from->size();
    if (!size) return std::unexpected(size.error());
    std::string text;
    // The size is a guess: files grow, and those in /proc have none.
    for (;;) {
        auto const had = text.size();
        auto const rest = *size > had ? *size - had : 0;
        text.resize(had + std::min(std::max<std::size_t>(rest + 1, 4096), most_at_once));
        auto const count = from->read(std::span(text).subspan(had));
        text.resize(had + count.value_or(0));
        if (!count) return std::unexpected(count.error());
        if (*count == 0) return text;
    }
}

std::expected<void, std::error_code> write_file(std::string path, std::span<std::byte const> content) {
    auto to = file::create(std::move(path));
    if (!to) return std::unexpected(to.error());
    auto const written = to->write_all(content);
    if (!written) return std::unexpected(written.error().code);
    return {};
}

}  // namespace ramie
