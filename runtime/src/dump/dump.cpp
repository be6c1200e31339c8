#include <ramie/dump.hpp>

#include "dump/report.hpp"
#include "dump/text_pipe.hpp"

#include <ramie/detail/switch/plain_thread.hpp>

#include <cerrno>
#include <exception>
#include <ostream>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

namespace ramie {

namespace {

// On a thread of its own: a fiber's stack is too small for libdw, and a worker is not to be lent to what a dump waits
// for.
class dump_maker {
  public:
    explicit dump_maker(dump_options const& options) {
        detail::calling_out const not_the_fibers;
        thread_ = detail::plain_thread([this, options] {
            ::pthread_setname_np(::pthread_self(), "ramie-dump");
            make(options);
        });
    }
    dump_maker(dump_maker const&) = delete;
    dump_maker& operator=(dump_maker const&) = delete;
    ~dump_maker() {
        pipe_.leave();
        thread_.join();
    }
    std::string next() { return pipe_.read(); }

  private:
    void make(dump_options const& options) noexcept {
        try {
            detail::report(options, pipe_).print();
            pipe_.end(nullptr);
        } catch (...) { pipe_.end(std::current_exception()); }
    }

    detail::text_pipe pipe_;
    detail::plain_thread thread_;
};

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        auto const n = ::write(fd, text.data(), text.size());
        if (n >= 0) {
            text.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd ready{fd, POLLOUT, 0};
            (void)::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            throw std::system_error(errno, std::system_category(), "ramie: a dump cannot be written");
        }
    }
}

}  // namespace

void dump(std::ostream& to, dump_options const& options) {
    dump_maker maker(options);
    for (auto piece = maker.next(); !piece.empty(); piece = maker.next()) to << piece;
    to.flush();
}

void dump_fd(int fd, dump_options const& options) {
    dump_maker maker(options);
    for (auto piece = maker.next(); !piece.empty(); piece = maker.next()) write_all(fd, piece);
}

}  // namespace ramie
