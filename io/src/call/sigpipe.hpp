// Writing where nobody reads any more is an error here, EPIPE, and never a signal. Sockets have MSG_NOSIGNAL for that;
// here is what there is for the calls that take no such flag.
//
// Nobody's reaction to SIGPIPE is touched, be it the default, SIG_IGN or a handler of the user's, which is not called
// for these writes. Linux 6.18 has a flag for pipes (RWF_NOSIGNAL). Before it, and for sendfile, the signal is held
// back around the call, on this thread only, and taken away if the call raised it: SIGPIPE goes to the thread that
// wrote. If the thread held one back already, before, it stays.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>
#include <sys/uio.h>

namespace ramie::detail::without_sigpipe {

// The result, or -errno. They do not wait.
ssize_t write(int pipe, iovec const* from, std::size_t count) noexcept;
// The way of older systems, also on newer ones.
ssize_t write_holding_back(int pipe, iovec const* from, std::size_t count) noexcept;
ssize_t send_file(int to, int file, std::uint64_t offset, std::size_t size) noexcept;

}  // namespace ramie::detail::without_sigpipe
