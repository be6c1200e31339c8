// Sockets and pipes as cases of a select.
#pragma once

#include <ramie/detail/net/socket_case.hpp>
#include <ramie/detail/ready/descriptor_holder.hpp>
#include <ramie/select.hpp>

#include <concepts>
#include <utility>

namespace ramie {

namespace detail {

template <class Stream, class Handler>
class accept_case : public accept_attempts {
  public:
    accept_case(owned_descriptor const& from, Handler handler) : accept_attempts(from), handler_(std::move(handler)) {}
    void complete() {
        let_others_have_their_share();
        handler_(maker::make<Stream>(std::move(*result_)));
    }

  private:
    Handler handler_;
};

template <class Handler>
class readiness_case : public readiness_attempts {
  public:
    readiness_case(owned_descriptor const& of, direction towards, Handler handler)
        : readiness_attempts(of, towards), handler_(std::move(handler)) {}
    void complete() {
        let_others_have_their_share();
        handler_(result());
    }

  private:
    Handler handler_;
};

}  // namespace detail

// Ready when a connection has come; the connection is then accepted. If another case of the select wins, the connection
// stays in the queue. If another fiber accepts it first, the select goes on. A lack of descriptors or memory does not
// make the case ready: it tries again after 10 to 100 ms (io_statistics().accept_pauses). If the listener is closed,
// before or meanwhile, the case is ready with the error, as in accept(). handler(std::expected<STREAM,
// std::error_code>): a tcp_stream from a tcp_listener, a unix_stream from a unix_listener.
template <class Listener, class Handler>
    requires std::derived_from<Listener, detail::descriptor_holder>
auto on_accept(Listener& from, Handler handler) {
    return detail::accept_case<typename Listener::stream_type, Handler>(descriptor_in(from), std::move(handler));
}

// Ready when a read (or write) of a stream, a datagram socket or a pipe need not wait, be it for an error or the end.
// Nothing is read or written, and another reader may be quicker than the handler. If it is closed, before or meanwhile,
// the case is ready with the error. handler(std::expected<void, std::error_code>).
template <std::derived_from<detail::descriptor_holder> From, class Handler>
auto on_readable(From& from, Handler handler) {
    return detail::readiness_case<Handler>(descriptor_in(from), detail::direction::read, std::move(handler));
}
template <std::derived_from<detail::descriptor_holder> To, class Handler>
auto on_writable(To& to, Handler handler) {
    return detail::readiness_case<Handler>(descriptor_in(to), detail::direction::write, std::move(handler));
}

}  // namespace ramie
