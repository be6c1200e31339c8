// Sockets as cases of a select.
#pragma once

#include <ramie/detail/socket_case.hpp>
#include <ramie/select.hpp>

#include <utility>

namespace ramie {

namespace detail {

template <class Handler>
class accept_case : public accept_attempts {
  public:
    accept_case(tcp_listener& from, Handler handler) : accept_attempts(from), handler_(std::move(handler)) {}
    void complete() {
        let_others_have_their_share();
        handler_(std::move(*result_));
    }

  private:
    Handler handler_;
};

template <class Handler>
class readiness_case : public readiness_attempts {
  public:
    readiness_case(tcp_stream& of, direction towards, Handler handler)
        : readiness_attempts(of, towards), handler_(std::move(handler)) {}
    void complete() {
        let_others_have_their_share();
        handler_(result());
    }

  private:
    Handler handler_;
};

}  // namespace detail

// Ready when a connection has come, which is then accepted; a select that goes on by another case leaves it to others.
// If somebody else accepts it first, the select goes on. A lack of descriptors or memory does not make it ready: it
// tries again after 10 to 100 ms (io_statistics().accept_pauses). If the listener is closed meanwhile, or was closed
// before, it is ready with the error, as in accept(). handler(std::expected<tcp_stream, std::error_code>).
template <class Handler>
auto on_accept(tcp_listener& from, Handler handler) {
    return detail::accept_case<Handler>(from, std::move(handler));
}

// Ready when a read (or write) of the stream need not wait, be it for an error or the end; nothing is read or written,
// and another reader may be quicker than the handler. If the stream is closed meanwhile, or was before, it is ready
// with the error. handler(std::expected<void, std::error_code>).
template <class Handler>
auto on_readable(tcp_stream& from, Handler handler) {
    return detail::readiness_case<Handler>(from, detail::direction::read, std::move(handler));
}
template <class Handler>
auto on_writable(tcp_stream& to, Handler handler) {
    return detail::readiness_case<Handler>(to, detail::direction::write, std::move(handler));
}

}  // namespace ramie
