// Blocking TCP sockets in the shape of Ramie's: what http_threads has before it is ported.
//
// Only what the server needs. As in Ramie, TCP_NODELAY is on, a peer that has gone is an error and not a SIGPIPE, and
// accept() sits out a full descriptor table.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

namespace blocking {

inline std::unexpected<std::error_code> last_error() {
    return std::unexpected(std::error_code(errno, std::system_category()));
}

class socket_fd {
  public:
    explicit socket_fd(int fd) : fd_(fd) {}
    socket_fd(socket_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    socket_fd& operator=(socket_fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~socket_fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

using time_point = std::chrono::steady_clock::time_point;

class tcp_stream {
  public:
    explicit tcp_stream(socket_fd fd) : fd_(std::move(fd)) {}

    // Waits until something can be read, or written (POLLIN, POLLOUT).
    std::error_code wait_for(short what, time_point until) {
        for (;;) {
            auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
            pollfd asked{fd_.get(), what, 0};
            auto const ready = ::poll(&asked, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
            if (ready > 0) return {};
            if (ready == 0) return std::make_error_code(std::errc::timed_out);
            if (errno != EINTR) return last_error().error();
        }
    }
    // What there is room for.
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) {
        for (;;) {
            auto const count = ::send(fd_.get(), from.data(), from.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno != EINTR) return last_error();
        }
    }

    // How many bytes came; 0 when the peer has sent all it will.
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        for (;;) {
            auto const count = ::recv(fd_.get(), into.data(), into.size(), 0);
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno != EINTR) return last_error();
        }
    }

  private:
    socket_fd fd_;
};

class tcp_listener {
  public:
    static std::expected<tcp_listener, std::error_code> bind(char const* address, std::uint16_t port) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        if (::inet_pton(AF_INET, address, &where.sin_addr) != 1)
            return std::unexpected(std::make_error_code(std::errc::invalid_argument));

        socket_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        int const on = 1;
        if (fd.get() < 0 || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
            ::bind(fd.get(), reinterpret_cast<sockaddr const*>(&where), sizeof where) != 0 ||
            ::listen(fd.get(), SOMAXCONN) != 0)
            return last_error();
        return tcp_listener(std::move(fd));
    }

    std::expected<tcp_stream, std::error_code> accept() {
        for (;;) {
            socket_fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (fd.get() >= 0) {
                int const on = 1;
                ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                return tcp_stream(std::move(fd));
            }
            if (is_shortage(errno))
                std::this_thread::sleep_for(std::chrono::milliseconds(10));  // until some connection ends
            else if (!is_about_the_peer(errno))
                return last_error();
        }
    }

    [[nodiscard]] std::uint16_t local_port() const {
        sockaddr_in where{};
        socklen_t size = sizeof where;
        ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&where), &size);
        return ntohs(where.sin_port);
    }
    [[nodiscard]] int native_handle() const { return fd_.get(); }

  private:
    explicit tcp_listener(socket_fd fd) : fd_(std::move(fd)) {}

    static bool is_shortage(int error) {
        return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
    }
    // A connection that died in the queue says nothing about the next one; Linux hands over its network errors too.
    static bool is_about_the_peer(int error) {
        switch (error) {
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case EPERM:
        case ETIMEDOUT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH: return true;
        default: return false;
        }
    }

    socket_fd fd_;
};

// As ramie::client_limits and its kin.
struct client_limits {
    std::size_t connections = 10'000;
    std::chrono::nanoseconds idle = std::chrono::minutes(1), header{0}, request{0};
};

class limited_stream {
  public:
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        if (auto const late = stream_.wait_for(POLLIN, until())) return std::unexpected(late);
        return stream_.read(into);
    }
    std::expected<std::size_t, std::error_code> write_all(std::span<std::byte const> from) {
        for (std::size_t done = 0; done < from.size();) {
            if (auto const late = stream_.wait_for(POLLOUT, until())) return std::unexpected(late);
            auto const count = stream_.write(from.subspan(done));
            if (count)
                done += *count;
            else if (count.error() != std::errc::resource_unavailable_try_again)
                return count;
        }
        return from.size();
    }

    void request_begins() {
        if (std::exchange(in_request_, true)) return;
        header_until_ = after(limits_.header);
        request_until_ = after(limits_.request);
    }
    void header_is_complete() { header_until_ = time_point::max(); }
    void request_is_over() {
        in_request_ = false;
        header_until_ = request_until_ = time_point::max();
    }

  private:
    friend class client_gate;
    limited_stream(tcp_stream s, client_limits const& l, std::shared_ptr<void> place)
        : place_(std::move(place)), stream_(std::move(s)), limits_(l) {}

    static time_point after(std::chrono::nanoseconds limit) {
        return limit.count() == 0 ? time_point::max() : std::chrono::steady_clock::now() + limit;
    }
    // A day is as good as for ever, and poll() can count it.
    time_point until() const {
        return std::min({after(limits_.idle), header_until_, request_until_, after(std::chrono::hours(24))});
    }

    std::shared_ptr<void> place_;  // free when the stream is closed
    tcp_stream stream_;
    client_limits limits_;
    bool in_request_ = false;
    time_point header_until_ = time_point::max();
    time_point request_until_ = time_point::max();
};

class client_gate {
  public:
    explicit client_gate(client_limits const& l) : limits_(l) {}

    std::optional<limited_stream> admit(tcp_stream client) {
        if (++*open_ > limits_.connections) {
            --*open_;
            return {};
        }
        std::shared_ptr<void> place(nullptr, [open = open_](void*) { --*open; });
        return limited_stream(std::move(client), limits_, std::move(place));
    }

  private:
    client_limits const limits_;
    std::shared_ptr<std::atomic<std::size_t>> open_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace blocking
