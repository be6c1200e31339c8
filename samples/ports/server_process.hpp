// What a server process needs besides HTTP and threads, the same in all variants: how it starts and ends.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <system_error>

namespace server_process {

// Says why there is no server, and gives main() its exit status.
inline int cannot_listen(std::uint16_t port, std::error_code error) {
    std::cerr << "cannot listen on 127.0.0.1:" << port << ": " << error.message() << '\n';
    return 1;
}

// Tells whoever started us that connections are welcome; flushed, for it may be read through a pipe.
inline void say_ready(std::uint16_t port) {
    std::cout << "listening on 127.0.0.1:" << port << std::endl;
}

// Atomics, for the handler may run in any thread. Being lock-free, they are allowed in it.
inline std::atomic<int> stop_fd = -1;
inline std::atomic<bool> stop_wanted = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// From now on SIGTERM and SIGINT shut the listening socket down, so that accept() fails, whoever waits in it and
// however it waits. shutdown() is one of the few calls allowed in a signal handler. A second signal kills.
inline void stop_on_signal(int listening_fd) {
    stop_fd = listening_fd;
    struct sigaction action {};
    action.sa_handler = [](int) {
        auto const saved = errno;
        stop_wanted = true;
        ::shutdown(stop_fd, SHUT_RDWR);
        errno = saved;
    };
    // Without SA_RESTART: ThreadSanitizer runs handlers late, and must get out of a blocking call to do so.
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
}

// Why accept() came back empty: asked to stop, which is fine, or a real error.
inline int stopped(std::error_code error) {
    if (stop_wanted) return 0;
    std::cerr << "cannot accept: " << error.message() << '\n';
    return 1;
}

}  // namespace server_process
