// How TCP sockets are made.
#pragma once

#include <ramie/endpoint.hpp>

#include <chrono>
#include <optional>

namespace ramie {

struct connect_options {
    std::optional<endpoint> local = {};      // from where; without it, the system chooses
    bool nodelay = true;                     // small messages go out at once
    bool keepalive = false;                  // asks a silent peer whether it is still there
    std::chrono::seconds keepalive_idle{0};  // after this long; 0: the system's own default
    int send_buffer = 0;                     // bytes; 0: the system's own default
    int receive_buffer = 0;
    // By name: how long one address is tried alone, and how long all addresses are waited for (10 ms to 10 s).
    std::chrono::milliseconds stagger{250};
};

struct listen_options {
    int backlog = 4096;         // connections that may wait to be accepted; the system caps it (net.core.somaxconn)
    bool reuse_address = true;  // bind although connections of an earlier listener linger
    bool reuse_port = false;    // share the port with other listeners that say so too
    // Of an IPv6 listener: IPv4 connections are not taken. Else as the system is set up.
    std::optional<bool> v6_only = {};
    std::chrono::seconds defer_accept{0};  // connections are accepted when data has come, or after this long
    int fast_open = 0;  // data may come with the first packet (TFO): how many such may wait; 0: none
};

}  // namespace ramie
