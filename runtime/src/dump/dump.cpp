#include <ramie/dump.hpp>

#include "dump/dump_maker.hpp"

#include <cerrno>
#include <ostream>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <unistd.h>

namespace ramie {

namespace {

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
    detail::dump_maker maker(options);
    for (auto piece = maker.next(); !piece.empty(); piece = maker.next()) to << piece;
    to.flush();
}

void dump_fd(int fd, dump_options const& options) {
    detail::dump_maker maker(options);
    for (auto piece = maker.next(); !piece.empty(); piece = maker.next()) write_all(fd, piece);
}

}  // namespace ramie
