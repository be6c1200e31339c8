// The endpoint (or unix_endpoint) that getsockname or getpeername tells.
#pragma once

#include "call/socket_call.hpp"

#include <ramie/endpoint.hpp>

namespace ramie::detail {

// `tell` is socket_call::local_name or socket_call::peer_name.
template <class Endpoint = endpoint>
std::expected<Endpoint, std::error_code> socket_name(int fd, decltype(socket_call::local_name)& tell) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    auto* const generic = reinterpret_cast<sockaddr*>(&name);
    if (auto const answer = tell(fd, generic, &size); answer < 0)
        return std::unexpected(std::error_code(-answer, std::system_category()));
    return Endpoint::from(generic, size);
}

}  // namespace ramie::detail
