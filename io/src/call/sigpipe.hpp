// Writing to a pipe or socket without a reader is an error here, EPIPE, and never a signal. Sockets have MSG_NOSIGNAL
// for that; this file is for calls that take no such flag.
//
// The process's reaction to SIGPIPE is not changed, be it the default, SIG_IGN or a handler of the user's; a handler is
// not called for these writes. Linux 6.18 has a flag for pipes (RWF_NOSIGNAL). On older systems, and for sendfile, the
// signal is blocked around the call, on this thread only, and taken away if the call raised it: SIGPIPE goes to the
// thread that wrote. If one was pending on the thread already, it stays.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>
#include <sys/uio.h>

namespace ramie::detail::without_sigpipe {

// The result, or -errno. None of them waits.
ssize_t write(int pipe, iovec const* from, std::size_t count) noexcept;
// The way for older systems; it works on newer ones, too.
ssize_t write_holding_back(int pipe, iovec const* from, std::size_t count) noexcept;
ssize_t send_file(int to, int file, std::uint64_t offset, std::size_t size) noexcept;

}  // namespace ramie::detail::without_sigpipe
