// A socket of the simulated network: what all kinds have, and the calls that its kind answers.
#pragma once

#include "simulated/address.hpp"

#include <ramie/detail/simulation/stage.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/epoll.h>
#include <sys/types.h>

namespace ramie::detail {

class descriptor;
class network;

class simulated_socket {
  public:
    simulated_socket(network& of, int its_number, stage::node_id on, int its_family) noexcept
        : net(of), number(its_number), node(on), family(its_family), local{host_address::any(its_family), 0} {}
    simulated_socket(simulated_socket const&) = delete;
    simulated_socket& operator=(simulated_socket const&) = delete;
    virtual ~simulated_socket() = default;

    // --- calls; result or -errno ---
    virtual int connect(socket_address const& to) = 0;
    virtual int disconnect() { return -EAFNOSUPPORT; }
    virtual int listen(int) { return -EOPNOTSUPP; }
    virtual int accept() { return -EOPNOTSUPP; }
    virtual int shutdown(int how) = 0;
    // `from`: where to note the sender; may be null. `to`: null on a connected socket.
    virtual ssize_t receive(std::span<iovec const> into, int flags, socket_address* from, bool& cut) = 0;
    virtual ssize_t send(std::span<iovec const> from, socket_address const* to) = 0;
    // EPOLL* of what is the case now.
    virtual std::uint32_t events() const noexcept = 0;
    virtual bool is_stream() const noexcept = 0;
    virtual bool is_listening() const noexcept { return false; }
    virtual std::optional<socket_address> peer() const = 0;
    // The number is given back: says goodbye to the other side.
    virtual void close() = 0;

    void watch(descriptor& by, std::uint32_t generation) noexcept;
    // Something changed: reports what is the case.
    void report(std::uint32_t at_least = 0) noexcept;
    // Whether a packet to that address is for this socket, if it is for its port.
    bool is_at(host_address const& to) const noexcept;

    network& net;
    int const number;
    stage::node_id const node;
    int const family;
    socket_address local;  // port 0: not bound
    bool v6_only = false, reuse_port = false, reset_on_close = false;
    int error = 0;  // pending, told once

  protected:
    int take_error() noexcept { return -std::exchange(error, 0); }

  private:
    descriptor* watcher_ = nullptr;
    std::uint32_t generation_ = 0;
};

// Copying between a call's buffers and a flat one.
std::size_t size_of(std::span<iovec const> buffers) noexcept;

}  // namespace ramie::detail
