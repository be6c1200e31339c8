// The seam of call/simulated_call.hpp: from a number to its socket.
#include "call/simulated_call.hpp"

#include "call/answer.hpp"
#include "simulated/network.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <netinet/in.h>
#include <unistd.h>

namespace ramie::detail::simulated_call {

namespace {

simulated_socket* socket_of(int fd) noexcept {
    auto* const net = network::current();
    return net != nullptr ? net->socket(fd) : nullptr;
}

// call(simulated_socket&), or EBADF.
template <class Call>
auto with_socket(int fd, Call&& call) -> decltype(call(std::declval<simulated_socket&>())) {
    auto* const s = socket_of(fd);
    if (s == nullptr) return -EBADF;
    return call(*s);
}

std::span<iovec const> buffers_of(msghdr const& m) noexcept {
    return {m.msg_iov, m.msg_iovlen};
}

template <class Value>
int give(Value const& value, void* to, socklen_t* size) noexcept {
    *size = std::min<socklen_t>(*size, sizeof value);
    std::memcpy(to, &value, *size);
    return 0;
}

ssize_t receive_into(simulated_socket& s, msghdr& into, int flags) {
    socket_address from;
    bool cut = false;
    bool const wants_name = into.msg_name != nullptr;
    auto const answer = s.receive(buffers_of(into), flags, wants_name ? &from : nullptr, cut);
    if (answer < 0) return answer;
    into.msg_flags = cut ? MSG_TRUNC : 0;
    into.msg_controllen = 0;
    if (!wants_name)
        into.msg_namelen = 0;
    else if (!s.is_stream())
        from.to(s.family, static_cast<sockaddr*>(into.msg_name), &into.msg_namelen);
    return answer;
}

ssize_t send_from(simulated_socket& s, msghdr const& from) {
    std::optional<socket_address> to;
    if (from.msg_name != nullptr) {
        to = socket_address::from(static_cast<sockaddr const*>(from.msg_name), from.msg_namelen);
        if (!to) return -EAFNOSUPPORT;
    }
    return s.send(buffers_of(from), to ? &*to : nullptr);
}

}  // namespace

bool is_on() noexcept {
    return network::current() != nullptr;
}

int open(int family, int type) noexcept {
    return network::current()->open(family, type);
}

int accept(int listener) noexcept {
    return with_socket(listener, [](auto& s) { return s.accept(); });
}

int connect(int fd, sockaddr const* to, socklen_t size) noexcept {
    return with_socket(fd, [&](auto& s) {
        if (to->sa_family == AF_UNSPEC) return s.disconnect();
        auto const there = socket_address::from(to, size);
        if (!there || (s.family == AF_INET && !there->host.is_v4())) return -EAFNOSUPPORT;
        if (s.v6_only && there->host.is_v4()) return -ENETUNREACH;
        return s.connect(*there);
    });
}

ssize_t receive(int fd, std::span<std::byte> into, int flags) noexcept {
    return with_socket(fd, [&](auto& s) -> ssize_t {
        iovec const whole{into.data(), into.size()};
        bool cut = false;
        return s.receive({&whole, 1}, flags, nullptr, cut);
    });
}

ssize_t receive_message(int fd, msghdr& into, int flags) noexcept {
    return with_socket(fd, [&](auto& s) { return receive_into(s, into, flags); });
}

int receive_messages(int fd, std::span<mmsghdr> into, int flags) noexcept {
    return with_socket(fd, [&](auto& s) {
        int count = 0;
        for (auto& each : into) {
            auto const answer = receive_into(s, each.msg_hdr, flags);
            if (answer < 0) return count > 0 ? count : static_cast<int>(answer);
            each.msg_len = static_cast<unsigned>(answer);
            ++count;
        }
        return count;
    });
}

ssize_t send(int fd, std::span<std::byte const> from) noexcept {
    return with_socket(fd, [&](auto& s) -> ssize_t {
        iovec const whole{const_cast<std::byte*>(from.data()), from.size()};
        return s.send({&whole, 1}, nullptr);
    });
}

ssize_t send_message(int fd, msghdr const& from) noexcept {
    return with_socket(fd, [&](auto& s) { return send_from(s, from); });
}

int send_messages(int fd, std::span<mmsghdr> from) noexcept {
    return with_socket(fd, [&](auto& s) {
        int count = 0;
        for (auto& each : from) {
            auto const answer = send_from(s, each.msg_hdr);
            if (answer < 0) return count > 0 ? count : static_cast<int>(answer);
            each.msg_len = static_cast<unsigned>(answer);
            ++count;
        }
        return count;
    });
}

int bind(int fd, sockaddr const* to, socklen_t size) noexcept {
    return with_socket(fd, [&](auto& s) {
        auto const there = socket_address::from(to, size);
        return there ? s.net.bind(s, *there) : -EAFNOSUPPORT;
    });
}

int listen(int fd, int backlog) noexcept {
    return with_socket(fd, [&](auto& s) { return s.listen(backlog); });
}

int shutdown(int fd, int how) noexcept {
    return with_socket(fd, [&](auto& s) { return s.shutdown(how); });
}

int is_ready(int fd, direction towards) noexcept {
    return with_socket(fd, [&](auto& s) {
        std::uint32_t const wanted = towards == direction::read ? EPOLLIN | EPOLLRDHUP : EPOLLOUT;
        return (s.events() & (wanted | EPOLLHUP | EPOLLERR)) != 0 ? 1 : 0;
    });
}

// What has no meaning here (buffers' sizes, TCP_NODELAY, keepalive ...) is accepted.
int set_option(int fd, int level, int option, void const* value, socklen_t size) noexcept {
    return with_socket(fd, [&](auto& s) {
        int on = 0;
        if (size >= sizeof on) std::memcpy(&on, value, sizeof on);
        if (level == SOL_SOCKET && option == SO_LINGER) s.reset_on_close = on != 0;  // l_onoff; the time is 0
        if (level == SOL_SOCKET && option == SO_REUSEPORT) s.reuse_port = on != 0;
        if (level == IPPROTO_IPV6 && option == IPV6_V6ONLY) s.v6_only = on != 0;
        if (option == MCAST_JOIN_GROUP && (level == IPPROTO_IP || level == IPPROTO_IPV6)) return -ENOSYS;
        return 0;
    });
}

int get_option(int fd, int level, int option, void* value, socklen_t* size) noexcept {
    return with_socket(fd, [&](auto& s) {
        if (level != SOL_SOCKET) return -ENOPROTOOPT;
        switch (option) {
        case SO_DOMAIN: return give(s.family, value, size);
        case SO_TYPE: return give(s.is_stream() ? int{SOCK_STREAM} : int{SOCK_DGRAM}, value, size);
        case SO_ACCEPTCONN: return give(int{s.is_listening()}, value, size);
        case SO_ERROR: return give(std::exchange(s.error, 0), value, size);
        case SO_SNDBUF:
        case SO_RCVBUF: return give(65'536, value, size);
        default: return -ENOPROTOOPT;
        }
    });
}

int local_name(int fd, sockaddr* name, socklen_t* size) noexcept {
    return with_socket(fd, [&](auto& s) {
        s.local.to(s.family, name, size);
        return 0;
    });
}

int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept {
    return with_socket(fd, [&](auto& s) {
        auto const there = s.peer();
        if (!there) return -ENOTCONN;
        there->to(s.family, name, size);
        return 0;
    });
}

ssize_t send_file(int fd, int file, std::uint64_t offset, std::size_t size) noexcept {
    return with_socket(fd, [&](auto& s) -> ssize_t {
        std::vector<std::byte> part(std::min<std::size_t>(size, 65'536));
        auto const read =
            answer_of([&] { return ::pread(file, part.data(), part.size(), static_cast<off_t>(offset)); });
        if (read <= 0) return read;
        iovec const whole{part.data(), static_cast<std::size_t>(read)};
        return s.send({&whole, 1}, nullptr);
    });
}

void close(int fd) noexcept {
    if (auto* const net = network::current()) net->close(fd);
}

bool watch(int fd, descriptor& by, std::uint32_t generation) noexcept {
    auto* const s = socket_of(fd);
    if (s != nullptr) s->watch(by, generation);
    return s != nullptr;
}

}  // namespace ramie::detail::simulated_call
