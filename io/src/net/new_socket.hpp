// A socket that is made step by step: a step is taken only if all steps before it went well.
#pragma once

#include "call/socket_call.hpp"
#include "ready/interest_set.hpp"
#include "ready/unique_fd.hpp"

#include <ramie/detail/ready/owned_descriptor.hpp>

#include <cstddef>
#include <expected>
#include <system_error>
#include <utility>

namespace ramie::detail {

class new_socket {
  public:
    new_socket(int family, int type) noexcept : fd_(socket_call::open(family, type)) {
        if (fd_.get() < 0) answer_ = fd_.get();
    }

    template <class Value>
    void option(int level, int name, Value const& value) noexcept {
        if (answer_ == 0) answer_ = socket_call::set_option(fd_.get(), level, name, value);
    }
    // `bytes`: 0 leaves it as it is.
    void buffer(int name, int bytes) noexcept;
    void bind(sockaddr const* at, socklen_t size) noexcept {
        if (answer_ == 0) answer_ = socket_call::bind(fd_.get(), at, size);
    }
    // A bind() that may be tried again; the answer of the last try is for take().
    int try_bind(sockaddr const* at, socklen_t size) noexcept {
        return answer_ == 0 ? socket_call::bind(fd_.get(), at, size) : answer_;
    }
    void take(int answer) noexcept {
        if (answer_ == 0) answer_ = answer;
    }
    void listen(int backlog) noexcept {
        if (answer_ == 0) answer_ = socket_call::listen(fd_.get(), backlog);
    }

    int fd() const noexcept { return fd_.get(); }
    // The error of the first step that failed; else 0.
    std::error_code error() const noexcept;
    std::expected<owned_descriptor, std::error_code> watched_by(interest_set& watch);

  private:
    unique_fd fd_;
    int answer_ = 0;
};

// Two unix sockets of that type, connected to each other.
std::expected<std::pair<owned_descriptor, owned_descriptor>, std::error_code> watched_pair(int type,
                                                                                           interest_set& watch);

// SO_SNDBUF or SO_RCVBUF; more than an int holds is EINVAL. The result, or -errno.
int set_buffer(int fd, int name, std::size_t bytes) noexcept;
std::expected<std::size_t, std::error_code> buffer_size(int fd, int name) noexcept;

// What a descriptor must be for an adopt() to take it.
struct wanted_socket {
    int family_a, family_b;  // either of them
    int type;
    bool listens = false;
};
// Takes the socket over: watched by the caller's runtime, non-blocking and close-on-exec. Closed on failure:
// not_a_socket, wrong_protocol_type, invalid_argument (it listens and should not, or the other way round).
std::expected<owned_descriptor, std::error_code> adopt_socket(unique_fd fd, wanted_socket const& wanted,
                                                              interest_set& watch);

}  // namespace ramie::detail
