// One end of a TCP connection, or a socket that listens or is none of these yet.
//
// The states, and what ends a connection:
//   fresh --listen--> listening
//   fresh --connect--> connecting --established--> connected --reset, timeout--> broken
//                                 --refused, timeout--> fresh, with an error
// A connected end has three more facts: whether the peer has sent its last byte, whether this end has, and whether this
// end was told not to read any more. Bytes that have arrived can be read also when the connection is broken; then the
// error is told once.
#pragma once

#include "simulated/network.hpp"
#include "simulated/wire.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace ramie::detail {

class stream_end final : public simulated_socket {
  public:
    using simulated_socket::simulated_socket;

    // --- calls ---
    int connect(socket_address const& to) override;
    int listen(int backlog) override;
    int accept() override;
    int shutdown(int how) override;
    ssize_t receive(std::span<iovec const> into, int flags, socket_address* from, bool& cut) override;
    ssize_t send(std::span<iovec const> from, socket_address const* to) override;
    std::uint32_t events() const noexcept override;
    bool is_stream() const noexcept override { return true; }
    bool is_listening() const noexcept override { return state_ == state::listening; }
    std::optional<socket_address> peer() const override;
    void close() override;

    // --- what arrives ---
    bool takes_segments() const noexcept { return state_ == state::connected || state_ == state::connecting; }
    void established(int peer);
    void arrive(std::vector<std::byte> const& bytes);
    void arrive_end();
    void was_read(std::size_t count);
    // The connection has failed.
    void break_off(int with);

  private:
    enum class state : std::uint8_t { fresh, listening, connecting, connected, broken };

    void try_to_connect(unsigned tries);
    void ask(unsigned tries);
    void fail_to_connect(int with);
    bool admit(stream_end& client);
    std::size_t room() const noexcept { return capacity_ > unread_ ? capacity_ - unread_ : 0; }
    void choose_capacity();
    std::string pair_text() const;

    state state_ = state::fresh;
    socket_address remote_;
    network::node_id remote_node_ = 0;
    // Of a listener.
    std::deque<int> waiting_;
    std::size_t backlog_ = 0;
    // Of a connected end.
    std::shared_ptr<wire> out_;
    std::deque<std::byte> arrived_;
    std::size_t capacity_ = 0;  // how much may be unread
    std::size_t unread_ = 0;    // was sent, and the peer has not read it yet, as far as this end knows
    bool lacked_room_ = false;
    bool peer_ended_ = false, ended_ = false, reads_no_more_ = false;
};

}  // namespace ramie::detail
