#include "offload/file_use.hpp"

#include "libc/libc_calls.hpp"
#include "offload/pool_call.hpp"
#include "posix/blocking_call.hpp"

#include <ramie/posix.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace ramie::detail {

namespace {

// glibc's own fields and flags in a FILE (bits/types/struct_FILE.h names the first two flags; all are in libio.h, which
// is not installed).
constexpr int unbuffered = 0x2, end_seen = 0x10, error_seen = 0x20, in_backup = 0x100, line_buffered = 0x200,
              putting = 0x800;

// Holds the FILE's lock for the calling thread, if no other thread has it.
class tried_lock {
  public:
    explicit tried_lock(FILE& file) noexcept : file_(file), held_(::ftrylockfile(&file) == 0) {}
    tried_lock(tried_lock const&) = delete;
    tried_lock& operator=(tried_lock const&) = delete;
    ~tried_lock() {
        if (held_) ::funlockfile(&file_);
    }
    bool is_held() const noexcept { return held_; }
    // This thread had the lock already, before this object took it.
    bool was_held() const noexcept {
        struct lock {  // libc's _IO_lock_t
            int word, count;
            void* owner;
        };
        return held_ && file_._lock != nullptr && reinterpret_cast<lock const*>(file_._lock)->count > 1;
    }

  private:
    FILE& file_;
    bool const held_;
};

// One file_call, by a fiber. It reads the FILE's fields only with the FILE's lock held.
class file_operation {
  public:
    file_operation(waiter& self, file_call const& call) noexcept
        : self_(self), call_(call), file_(*call.file), error_(errno) {}

    bool run() noexcept {
        if (made_in_place()) return true;
        fd_ = ::fileno_unlocked(&file_);
        if (fd_ < 0 || !waits()) return make();
        return reads() ? read() : write();
    }

  private:
    bool reads() const noexcept {
        return call_.use == file_use::read || call_.use == file_use::scan;
    }

    bool make() noexcept {
        errno = error_;
        call_.make(call_.argument);
        return true;
    }

    // --- the buffer ---
    std::size_t unread() const noexcept { return static_cast<std::size_t>(file_._IO_read_end - file_._IO_read_ptr); }
    std::size_t unwritten() const noexcept {
        return (file_._flags & putting) == 0 ? 0
                                             : static_cast<std::size_t>(file_._IO_write_ptr - file_._IO_write_base);
    }
    bool needs_no_descriptor() const noexcept {
        switch (call_.use) {
        case file_use::read: {
            if ((file_._flags & end_seen) != 0) return true;
            auto const n = std::min(unread(), call_.size);
            return n == call_.size ||
                   (n > 0 && call_.delimiter >= 0 && std::memchr(file_._IO_read_ptr, call_.delimiter, n) != nullptr);
        }
        case file_use::scan: return (file_._flags & end_seen) != 0;
        case file_use::write:
            return (file_._flags & (unbuffered | line_buffered)) == 0 && (file_._flags & putting) != 0 &&
                   static_cast<std::size_t>(file_._IO_write_end - file_._IO_write_ptr) > call_.size;
        case file_use::flush:
        case file_use::close: return unwritten() == 0;
        }
        return false;
    }
    bool made_in_place() noexcept {
        return made_if([&](tried_lock const& lock) { return lock.was_held() || needs_no_descriptor(); });
    }
    template <class May>
    bool made_if(May&& may) noexcept {
        {
            tried_lock const lock(file_);
            if (!lock.is_held() || !may(lock)) return false;
            if (call_.use != file_use::close) return make();
        }
        return make();  // the lock ends with the FILE
    }

    // --- the descriptor ---
    // Whether libc's call on this descriptor can wait at all.
    bool waits() noexcept {
        struct stat status {};
        if (::fstat(fd_, &status) != 0) return false;
        constexpr unsigned memory_devices = 1;
        bool const device = S_ISCHR(status.st_mode) && ::major(status.st_rdev) != memory_devices;
        if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) return false;
        if (S_ISCHR(status.st_mode) && !device) return false;
        if ((::fcntl(fd_, F_GETFL) & O_NONBLOCK) != 0) return false;
        surely_fits_ = S_ISFIFO(status.st_mode) ? PIPE_BUF : S_ISSOCK(status.st_mode) ? 2048 : device ? 256 : 0;
        bool const terminal = device && ::isatty(fd_) == 1;
        can_be_polled_ = S_ISFIFO(status.st_mode) || terminal || (S_ISSOCK(status.st_mode) && !has_time_limit());
        return true;
    }
    bool has_time_limit() const noexcept {
        timeval most{};
        socklen_t size = sizeof most;
        auto const option = reads() ? SO_RCVTIMEO : SO_SNDTIMEO;
        return ::getsockopt(fd_, SOL_SOCKET, option, &most, &size) == 0 && (most.tv_sec != 0 || most.tv_usec != 0);
    }
    // Parks. False: the fiber is asked to stop.
    bool wait(short event) noexcept {
        pollfd asked{fd_, event, 0};
        if (!can_be_polled_ || posix::poll(&asked, 1, -1) >= 0) return true;
        file_._flags |= error_seen;
        return false;
    }

    // --- reading ---
    bool read() noexcept {
        for (;;) {
            switch (outlook()) {
            case next::on_pool: return make_on_pool();
            case next::rest: return wait(POLLIN) && make_on_pool();
            case next::fill: break;
            }
            if (!wait(POLLIN) || !fill()) return false;
            if (made_in_place()) return true;
        }
    }

    enum class next : std::uint8_t {
        fill,    // the buffer is empty
        rest,    // more is wanted than the buffer holds
        on_pool  // unknown whether the call must wait
    };
    next outlook() const noexcept {
        tried_lock const lock(file_);
        bool const hidden = (file_._flags & in_backup) != 0;  // characters pushed back have a buffer of their own
        if (!lock.is_held() || hidden || unwritten() > 0 || !can_be_polled_) return next::on_pool;
        if (unread() == 0) return next::fill;
        return call_.use == file_use::scan ? next::on_pool : next::rest;
    }

    // One read of what is there. False: errno says why.
    bool fill() noexcept {
        tried_lock const lock(file_);
        pollfd asked{fd_, POLLIN, 0};
        if (!lock.is_held() || unread() > 0 || libc().poll(&asked, 1, 0) == 0) return true;  // another call was quicker
        ++self_.unhooked;
        auto const byte = ::getc_unlocked(&file_);
        if (byte != EOF) ::ungetc(byte, &file_);
        --self_.unhooked;
        return byte != EOF || (file_._flags & end_seen) != 0;
    }

    // --- writing ---
    bool write() noexcept {
        if (made_at_once()) return true;
        if (!wait(POLLOUT)) return false;
        return made_at_once() || make_on_pool();
    }
    bool made_at_once() noexcept {
        return made_if([&](tried_lock const&) {
            pollfd asked{fd_, POLLOUT, 0};
            return unwritten() + call_.size <= surely_fits_ && libc().poll(&asked, 1, 0) > 0;
        });
    }

    // --- the pool ---
    bool make_on_pool() noexcept {
        bool made = false;
        auto const error = error_ == EINTR ? 0 : error_;
        auto const words = ::uselocale(nullptr);
        auto const on_its_thread = [&] {
            auto const before = ::uselocale(words);
            made = true;
            errno = error;
            call_.make(call_.argument);
            auto const after = errno;
            ::uselocale(before);
            errno = after;
            return after == EINTR ? -1 : 0;
        };
        (void)call_on_pool(self_, on_its_thread, after_handler::restarts, after_signal::give_up);
        if (!made) file_._flags |= error_seen;
        return made;
    }

    waiter& self_;
    file_call const& call_;
    FILE& file_;
    int const error_;  // errno before the call
    int fd_ = -1;
    bool can_be_polled_ = false;
    std::size_t surely_fits_ = 0;
};

}  // namespace

bool use_file(file_call const& call) noexcept {
    auto* const self = calling_fiber();
    // A call in a stop callback, or of a thread that ends, must not wait.
    if (self == nullptr || call.file == nullptr || self->runs_stop_callbacks()) {
        call.make(call.argument);
        return true;
    }
    main_fiber::whole_call const one(*self, after_handler::restarts);
    if (file_operation(*self, call).run()) return true;
    if (call.use == file_use::close) {  // no later call would close it; what could not be written is lost
        auto const error = errno;
        ::__fpurge(call.file);
        call.make(call.argument);
        errno = error;
    }
    return false;
}

}  // namespace ramie::detail
