// What came as one datagram, and what is to go as one.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>
#include <span>

namespace ramie {

// Of one datagram that was received.
struct datagram_size {
    std::size_t size = 0;       // bytes that were put into the buffer
    std::size_t full_size = 0;  // bytes that were sent; what did not fit into the buffer is lost
    bool truncated() const noexcept { return size < full_size; }
    friend bool operator==(datagram_size const&, datagram_size const&) = default;
};

// The same, and who sent it.
template <class Endpoint>
struct datagram_from : datagram_size {
    Endpoint from;
};

// One place of a batch to be received: `into` is the caller's, the rest is filled in.
template <class Endpoint>
struct incoming_datagram {
    std::span<std::byte> into;
    datagram_size size = {};
    Endpoint from = {};
};

// One of a batch to be sent. `to` is for sockets that are not connected, null for those that are; it is only looked at.
template <class Endpoint>
struct outgoing_datagram {
    std::span<std::byte const> data;
    Endpoint const* to = nullptr;
};

}  // namespace ramie
