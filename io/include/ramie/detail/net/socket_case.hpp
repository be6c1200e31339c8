// The cases of a select on sockets and pipes: on_accept, on_readable and on_writable, which are in the headers of these.
//
// Readiness may be gone when the select looks closer, because another fiber took what there was. So a waker only claims
// the wait, and the system call is made by poll() and confirm(), in the select's own fiber. If it says EAGAIN, the
// select goes on.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ready/descriptor_holder.hpp>
#include <ramie/detail/ready/direction.hpp>
#include <ramie/detail/ready/owned_descriptor.hpp>
#include <ramie/detail/wait/select_case.hpp>
#include <ramie/detail/wait/wait_queue.hpp>

#include <chrono>
#include <expected>
#include <optional>
#include <system_error>
#include <utility>

namespace ramie::detail {

class socket_case {
  public:
    socket_case(socket_case&& other) noexcept : on_(other.on_), towards_(other.towards_) {}  // before it is polled
    RAMIE_API enlisting enlist(waiter& self, std::uint64_t g) noexcept;
    RAMIE_API bool withdraw() noexcept;
    // During a shortage: the time of the next try.
    time_point limit() const noexcept { return try_again_; }

  protected:
    socket_case(owned_descriptor const& on, direction towards) noexcept : on_(on), towards_(towards) {}
    RAMIE_API ~socket_case();

    // Calls attempt(descriptor&) if that is worth while, or if `unasked` (readiness may not have been harvested yet).
    // attempt returns false if nothing was left. True: done, or `error` says why nothing will come any more.
    template <class Attempt>
    bool look(bool unasked, std::error_code& error, Attempt&& attempt);
    void pause_for_a_while() noexcept;

  private:
    bool pausing() const noexcept;

    owned_descriptor const& on_;
    direction towards_;
    descriptor* used_ = nullptr;  // from the first look on, so that the number is not given back meanwhile
    std::optional<wait_node> node_;
    std::chrono::milliseconds pause_{0};  // the last one
    time_point try_again_ = never;
};

class accept_attempts : public socket_case {
  public:
    explicit accept_attempts(owned_descriptor const& from) noexcept : socket_case(from, direction::read) {}
    bool poll() { return try_it(false); }
    bool poll_only() { return try_it(true); }
    bool confirm() { return try_it(false); }

  protected:
    std::optional<std::expected<owned_descriptor, std::error_code>> result_;

  private:
    RAMIE_API bool try_it(bool unasked);
};

class readiness_attempts : public socket_case {
  public:
    readiness_attempts(owned_descriptor const& of, direction towards) noexcept
        : socket_case(of, towards), towards_(towards) {}
    bool poll() { return try_it(false); }
    bool poll_only() { return try_it(true); }
    bool confirm() { return try_it(false); }

  protected:
    RAMIE_API std::expected<void, std::error_code> result() const;

  private:
    RAMIE_API bool try_it(bool unasked);

    direction towards_;
    std::error_code error_;
};

// For a select that has won on a socket: like every I/O operation, it lets others run if this fiber never has to wait.
// Not an abort point, since the result would be lost.
RAMIE_API void let_others_have_their_share();

template <class Stream, class Handler>
class accept_case : public accept_attempts {
  public:
    accept_case(descriptor_holder const& from, Handler handler)
        : accept_attempts(descriptor_in(from)), handler_(std::move(handler)) {}
    void complete() {
        let_others_have_their_share();
        handler_(owner_of<Stream>(std::move(*result_)));
    }

  private:
    Handler handler_;
};

template <class Handler>
class readiness_case : public readiness_attempts {
  public:
    readiness_case(descriptor_holder const& of, direction towards, Handler handler)
        : readiness_attempts(descriptor_in(of), towards), handler_(std::move(handler)) {}
    void complete() {
        let_others_have_their_share();
        handler_(result());
    }

  private:
    Handler handler_;
};

}  // namespace ramie::detail
