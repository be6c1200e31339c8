// How TCP sockets are made.
#pragma once

#include <ramie/endpoint.hpp>

#include <chrono>
#include <optional>

namespace ramie {

struct connect_options {
    std::optional<endpoint> local = {};      // the local address; none: the system chooses
    bool nodelay = true;                     // small messages go out at once
    bool keepalive = false;                  // asks a silent peer whether it is still there
    std::chrono::seconds keepalive_idle{0};  // after this silence; 0: the system's own default
    int send_buffer = 0;                     // bytes; 0: the system's own default
    int receive_buffer = 0;
    // By name: how long to try one address alone, and how long to wait for all addresses (10 ms to 10 s).
    std::chrono::milliseconds stagger{250};
};

struct listen_options {
    int backlog = 4096;         // connections that may wait to be accepted; the system caps it (net.core.somaxconn)
    bool reuse_address = true;  // bind even while connections of an earlier listener linger
    bool reuse_port = false;    // share the port with other listeners that say so too
    // Of an IPv6 listener: true refuses IPv4 connections. None: as the system is configured.
    std::optional<bool> v6_only = {};
    std::chrono::seconds defer_accept{0};  // connections are accepted when data has come, or after this long
    int fast_open = 0;  // how many connections whose data came with the first packet (TFO) may wait; 0: off
};

}  // namespace ramie
