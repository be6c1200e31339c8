// One direction of a TCP connection: what was sent and has not arrived yet, in order.
//
// A packet that is lost is sent again by TCP, so it is only late, and what follows it too. While the other machine is
// not reached, the first segment is sent again and again, with longer and longer pauses, and all arrives once the way
// is open; after a quarter of an hour the sender's connection fails (ETIMEDOUT). Data for a socket that is gone is
// answered by a reset.
#pragma once

#include "simulated/network.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace ramie::detail {

class wire : public std::enable_shared_from_this<wire> {
  public:
    enum class kind : std::uint8_t {
        established,  // the answer to a connect
        data,
        end,    // no more data follows
        reset,  // the connection is over
        read    // the receiver has read so many bytes of what came the other way
    };
    struct end_point {
        int number;
        network::node_id node;
    };

    wire(network& net, end_point from, end_point to) : net_(net), from_(from), to_(to) {}

    void send(kind what, std::vector<std::byte> bytes = {}, std::size_t count = 0);
    // What is under way is lost; the other side gets a reset.
    void tear();
    // What is under way is lost, but for the reset of a wire that is torn.
    void stop() noexcept {
        if (!torn_) under_way_.clear();
        stopped_ = true;
    }

  private:
    struct segment {
        kind what;
        std::vector<std::byte> bytes;
        std::size_t count;
        time_point due;
    };

    void expect_first(time_point when);
    void first_is_due();
    void stall();
    void deliver(segment& s);
    void answer_by_reset();

    network& net_;
    end_point const from_, to_;
    std::deque<segment> under_way_;
    time_point last_due_{};
    time_point stalled_since_ = never;
    std::chrono::nanoseconds pause_{};
    bool stopped_ = false, torn_ = false;
};

}  // namespace ramie::detail
