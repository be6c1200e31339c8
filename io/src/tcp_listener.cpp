#include <ramie/tcp.hpp>

#include "interest_set.hpp"
#include "operation.hpp"
#include "shortage.hpp"
#include "socket_call.hpp"
#include "socket_name.hpp"

#include <ramie/detail/after.hpp>
#include <ramie/resolve.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <netinet/tcp.h>

namespace ramie {

using namespace detail;
using namespace std::chrono_literals;

namespace {

// The process, or the system, is short of descriptors or memory.
bool is_shortage(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// A connection that died in the queue says nothing about the next one. Linux hands over its pending network errors too, and EPERM
// from a firewall.
bool is_about_the_peer(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case EPERM:
        case EPROTO:
        case ENOPROTOOPT:
        case ETIMEDOUT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET: return true;
        default: return false;
    }
}

}  // namespace

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
    for (auto pause = 10ms;;) {
        auto const closed_so_far = scarce.closed();
        auto const noted = mine.wait_ready(direction::read);
        if (!noted) return std::unexpected(noted.error());
        auto const answer = socket_call::accept(mine.fd());
        if (answer >= 0) {
            auto added = mine.home().add(unique_fd(answer));
            if (!added) return std::unexpected(added.error());
            return tcp_stream(std::move(*added));
        }
        if (answer == -EAGAIN) {
            mine.found_empty(direction::read, *noted);
        } else if (is_shortage(-answer)) {
            scarce.wait(mine.self(), closed_so_far, after(pause));
            pause = std::min(pause * 2, 100ms);
        } else if (!is_about_the_peer(-answer)) {
            return std::unexpected(error_of(answer));
        }
    }
}

}  // namespace ramie
