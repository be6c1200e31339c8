// The engine and its wires: what a tls_stream is made of.
//
// Two locks of Ramie's own are held over waits, each for one direction of the wire. A fiber that needs both takes
// reading_ first.
//     reading_   read(), which may wait for the peer to send
//     writing_   write() and shutdown(), which may wait for the peer to take
//     both       the handshake
// So a reader never waits for a writer, and a writer never for a reader. Reading may give the engine something to send
// (the answer to a key update, an alert): the reader sends it if there is no writer and the socket has room; otherwise
// the next write sends it. The peer never waits for such a message alone: a key update need only be answered before the
// next data.
//
// Buffers exist only while they are needed. A fiber that waits for a record to begin has a small buffer, large enough
// for a short record. The rest of a longer record is read into a block of full size, which is freed when all of it has
// been read. Bytes to be sent have a block of their own until they are sent.
#pragma once

#include "tls/engine.hpp"

#include <ramie/detail/tls/tls_transport.hpp>
#include <ramie/mutex.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

namespace ramie::detail {

class tls_connection {
  public:
    static constexpr std::size_t record = 16 * 1024;  // the most bytes that TLS encrypts at once

    // The first is for a server, the second for a client (see tls_engine).
    tls_connection(std::unique_ptr<tls_transport> over, std::shared_ptr<tls_context> c);
    tls_connection(std::unique_ptr<tls_transport> over, std::shared_ptr<tls_context> c, std::string_view host,
                   std::string peer);

    // tls.hpp says what these do. write() adds what the engine took to `done` before it waits for the wire.
    std::expected<void, std::error_code> handshake();
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into);
    std::expected<void, std::error_code> write(std::span<std::byte const> from, std::size_t& done);
    std::expected<void, std::error_code> shutdown();
    void close() noexcept;

    tls_engine engine;
    std::unique_ptr<tls_transport> const transport;

  private:
    std::expected<void, std::error_code> shake_hands();
    std::expected<void, std::error_code> wait_for_hello();
    // Holding reading_, when the engine has used up its input: waits for bytes from the peer, and feeds them to the
    // engine.
    std::expected<void, std::error_code> receive(bool is_in_record);
    // Holding reading_, after a step: frees the block of the long record, unless the engine still needs it.
    void let_go_of_what_was_read(tls_engine::step const& s) noexcept {
        if (s.unread == 0 && !s.is_in_record) rest_of_record_.reset();
    }
    // Holding writing_: sends all that the engine has to send.
    std::expected<void, std::error_code> flush();
    void flush_if_nobody_has_to_wait();
    bool shaken() const noexcept { return shaken_.load(std::memory_order_acquire); }
    bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

    std::chrono::nanoseconds const handshake_timeout_;
    std::atomic<bool> shaken_{false};  // release after the handshake; acquire before a read or write that may skip it
    std::atomic<bool> closed_{false};

    ramie::mutex reading_;
    // Guarded by reading_. The engine reads from one of the two.
    std::array<std::byte, 1024> begin_of_record_;
    std::unique_ptr<std::byte[]> rest_of_record_;
    std::uint16_t hello_size_ = 0;  // a server's, before the engine begins
    bool hello_is_here_ = false;    // the engine has got it
    ramie::mutex writing_;
    std::vector<std::byte> sending_;  // guarded by writing_: what the engine gave out ...
    std::size_t sent_ = 0;            // ... and how much of it has been sent
};

}  // namespace ramie::detail
