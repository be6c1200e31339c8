// A place where a connection neither succeeds nor fails.
#pragma once

#include "sockets.hpp"

#include <vector>

namespace ramie::testing {

// A listener whose queue is full, so that a connection to it neither succeeds nor fails.
struct full_listener {
    tcp_listener listener = listener_on_loopback({.backlog = 0});
    std::vector<tcp_stream> queued;

    full_listener() {
        for (int i = 0; i < 16; ++i) {
            auto stream = ramie::timeout(20ms, [&] { return tcp_stream::connect(listener.local_endpoint()); });
            if (!stream) return;
            queued.push_back(std::move(stream->value()));
        }
        FAIL("the queue of connections has no end");
    }
};

}  // namespace ramie::testing
