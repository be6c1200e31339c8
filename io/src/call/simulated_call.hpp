// Sockets of a simulation. In a simulation new sockets have numbers that no system gives, and the calls on them lead
// here instead of into the kernel: so all that is built on sockets is the same code as elsewhere.
//
// A seam: this room declares it, simulated/ defines it over an in-memory network. Each call answers as the kernel
// would, with a result or -errno, never waits, and is for the thread of the simulation; on another thread, and once the
// simulation is over, every number is unknown (EBADF).
#pragma once

#include <ramie/detail/ready/direction.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/socket.h>
#include <sys/types.h>

namespace ramie::detail {

class descriptor;

namespace simulated_call {

// The kernel's numbers stay below fs.nr_open, which may not be raised so far.
inline constexpr int first_number = 1 << 30;
inline bool is_for(int fd) noexcept {
    return fd >= first_number;
}

// Whether new sockets are simulated: the caller is in a simulation.
bool is_on() noexcept;

// As in socket_call.hpp.
int open(int family, int type) noexcept;
int accept(int listener) noexcept;
int connect(int fd, sockaddr const* to, socklen_t size) noexcept;
ssize_t receive(int fd, std::span<std::byte> into, int flags) noexcept;
ssize_t receive_message(int fd, msghdr& into, int flags) noexcept;
int receive_messages(int fd, std::span<mmsghdr> into, int flags) noexcept;
ssize_t send(int fd, std::span<std::byte const> from) noexcept;
ssize_t send_message(int fd, msghdr const& from) noexcept;
int send_messages(int fd, std::span<mmsghdr> from) noexcept;
int bind(int fd, sockaddr const* to, socklen_t size) noexcept;
int listen(int fd, int backlog) noexcept;
int shutdown(int fd, int how) noexcept;
int is_ready(int fd, direction towards) noexcept;
int set_option(int fd, int level, int option, void const* value, socklen_t size) noexcept;
int get_option(int fd, int level, int option, void* value, socklen_t* size) noexcept;
int local_name(int fd, sockaddr* name, socklen_t* size) noexcept;
int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept;
ssize_t send_file(int fd, int file, std::uint64_t offset, std::size_t size) noexcept;
// Nothing if there is no such socket.
void close(int fd) noexcept;
// From now on changes are reported to that descriptor; what is already ready is reported at once, as epoll does.
// False: there is no such socket.
bool watch(int fd, descriptor& by, std::uint32_t generation) noexcept;

}  // namespace simulated_call
}  // namespace ramie::detail
