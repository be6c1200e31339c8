// A UDP socket: each datagram goes its own way, may be lost, come twice, or be overtaken.
#pragma once

#include "simulated/network.hpp"

#include <cstddef>
#include <deque>
#include <vector>

namespace ramie::detail {

class datagram_socket final : public simulated_socket {
  public:
    using simulated_socket::simulated_socket;

    int connect(socket_address const& to) override;
    int disconnect() override;
    int shutdown(int) override { return 0; }
    ssize_t receive(std::span<iovec const> into, int flags, socket_address* from, bool& cut) override;
    ssize_t send(std::span<iovec const> from, socket_address const* to) override;
    std::uint32_t events() const noexcept override;
    bool is_stream() const noexcept override { return false; }
    std::optional<socket_address> peer() const override { return peer_; }
    void close() override {}

  private:
    struct datagram {
        socket_address from;
        std::vector<std::byte> bytes;
    };

    socket_address source_for(socket_address const& to) const noexcept;
    void send_one(datagram d, socket_address const& to, network::node_id there);
    void arrive(datagram d);

    std::optional<socket_address> peer_;
    std::deque<datagram> arrived_;
};

}  // namespace ramie::detail
