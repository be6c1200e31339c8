#include <ramie/tcp.hpp>

#include "accept_attempt.hpp"
#include "interest_set.hpp"
#include "operation.hpp"
#include "shortage.hpp"
#include "socket_call.hpp"
#include "socket_name.hpp"

#include <ramie/detail/after.hpp>
#include <ramie/resolve.hpp>

#include <algorithm>

#include <netinet/tcp.h>

namespace ramie {

using namespace detail;

std::expected<tcp_listener, std::error_code> tcp_listener::bind(endpoint const& at, listen_options const& options) {
    auto& watch = interest_set::current("tcp_listener::bind");
    unique_fd fd(socket_call::open(at.family()));
    if (fd.get() < 0) return std::unexpected(error_of(fd.get()));
    int answer = 0;
    auto const then = [&](int next) {
        if (answer == 0) answer = next;
    };
    then(socket_call::set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, options.reuse_address));
    then(socket_call::set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, options.reuse_port));
    // What is accepted inherits it, which saves a system call for each.
    then(socket_call::set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1));
    if (answer == 0) answer = socket_call::bind(fd.get(), at.data(), at.size());
    if (answer == 0) answer = socket_call::listen(fd.get(), options.backlog);
    if (answer < 0) return std::unexpected(error_of(answer));
    auto const local = socket_name(fd.get(), socket_call::local_name);
    if (!local) return std::unexpected(local.error());
    auto added = watch.add(std::move(fd));
    if (!added) return std::unexpected(added.error());
    return tcp_listener(std::move(*added), *local);
}

std::expected<tcp_listener, std::error_code> tcp_listener::bind(std::string_view host, std::uint16_t port,
                                                                listen_options const& options) {
    auto const addresses = resolve(host, port);
    if (!addresses) return std::unexpected(addresses.error());
    std::error_code last;
    for (auto const& each : *addresses) {
        auto listener = bind(each, options);
        if (listener) return listener;
        last = listener.error();
    }
    return std::unexpected(last);
}

std::expected<tcp_stream, std::error_code> tcp_listener::accept() {
    operation const mine(descriptor_, "accept");
    if (!mine) return std::unexpected(closed_before());
    auto& scarce = shortage::of_process();
    for (auto pause = shortage::first_pause;;) {
        auto const closed_so_far = scarce.closed();
        auto const noted = mine.wait_ready(direction::read);
        if (!noted) return std::unexpected(noted.error());
        auto accepted = accept_attempt(mine.fd(), mine.home());
        if (accepted) return tcp_stream(std::move(*accepted));
        if (is_shortage(accepted.error())) {
            scarce.wait(mine.self(), closed_so_far, after(pause));
            pause = std::min(pause * 2, shortage::longest_pause);
        } else if (accepted.error() != std::errc::operation_would_block) {
            return std::unexpected(accepted.error());
        } else {
            mine.found_empty(direction::read, *noted);
        }
    }
}

}  // namespace ramie
