// Datagrams received and datagrams to send.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>
#include <span>

namespace ramie {

// The size of a received datagram.
struct datagram_size {
    std::size_t size = 0;       // bytes that were put into the buffer
    std::size_t full_size = 0;  // bytes that were sent; those that did not fit into the buffer are lost
    bool truncated() const noexcept { return size < full_size; }
    friend bool operator==(datagram_size const&, datagram_size const&) = default;
};

// The same, and its sender.
template <class Endpoint>
struct datagram_from : datagram_size {
    Endpoint from;
};

// One datagram of a batch to receive: `into` is the caller's; the other members are filled in.
template <class Endpoint>
struct incoming_datagram {
    std::span<std::byte> into;
    datagram_size size = {};
    Endpoint from = {};
};

// One datagram of a batch to send. `to` is only read; it is null for connected sockets, and needed for others.
template <class Endpoint>
struct outgoing_datagram {
    std::span<std::byte const> data;
    Endpoint const* to = nullptr;
};

}  // namespace ramie
