// One attempt to connect a TCP socket, under way or over.
#pragma once

#include "ready/descriptor.hpp"

#include <ramie/detail/ready/owned_descriptor.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/endpoint.hpp>
#include <ramie/tcp_options.hpp>

#include <cstdint>
#include <optional>
#include <system_error>

namespace ramie::detail {

class interest_set;

class connecting {
  public:
    enum class state : std::uint8_t { under_way, connected, failed };

    // Makes the socket and begins.
    connecting(endpoint const& to, connect_options const& options, interest_set& watch) : to_(to) {
        begin(options, watch);
    }

    state how() const noexcept { return state_; }
    std::error_code error() const noexcept { return error_; }
    // Once connected: the socket, which then belongs to the caller.
    owned_descriptor take() noexcept { return std::move(socket_); }

    // The state now; under_way: nothing is known to have happened yet. Does not wait.
    state ask();

    // The two halves of a wait for something to happen (registration.hpp).
    bool enlist(waiter& self, std::uint64_t g) noexcept;
    void withdraw() noexcept;

  private:
    void begin(connect_options const& options, interest_set& watch);
    void succeed() noexcept;
    void fail(std::error_code why) noexcept;

    endpoint to_;
    owned_descriptor socket_;
    state state_ = state::under_way;
    std::error_code error_;
    std::optional<wait_node> node_;
};

}  // namespace ramie::detail
