// The engine and its wires: what a tls_stream is made of.
//
// Two locks of Ramie's own, held over waits, each for one direction of the wire; whoever wants both takes reading_
// first.
//     reading_   read(), which may wait for the peer to send
//     writing_   write() and shutdown(), which may wait for the peer to take
//     both       the handshake
// So a reader never waits for a writer, nor the other way round. When the engine wants to send something because of
// what was read (the answer to a key update, an alert), the reader sends it if nobody is writing and the socket has
// room; otherwise the next write does. Alone nobody waits for such a message: a key update need only be answered before
// the next data.
#pragma once

#include "tls_engine.hpp"

#include <ramie/detail/tls_transport.hpp>
#include <ramie/mutex.hpp>

#include <atomic>
#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>

namespace ramie::detail {

class tls_connection {
  public:
    static constexpr std::size_t record = 16 * 1024;  // the most that TLS encrypts at once

    // Of a server; of a client, see tls_engine.
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
    // Holding reading_: waits for bytes from the peer, and feeds them to the engine.
    std::expected<void, std::error_code> receive();
    // Holding writing_: sends all that the engine has to send.
    std::expected<void, std::error_code> flush();
    void flush_if_nobody_has_to_wait();
    bool shaken() const noexcept { return shaken_.load(std::memory_order_acquire); }
    bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

    std::chrono::nanoseconds const handshake_timeout_;
    std::atomic<bool> shaken_{false};  // release by who did it; acquire by those who would do it
    std::atomic<bool> closed_{false};

    ramie::mutex reading_;
    std::unique_ptr<std::byte[]> const received_;  // of reading_; only what is ever filled costs memory
    ramie::mutex writing_;
    std::unique_ptr<std::byte[]> const sending_;  // of writing_: what the engine gave out, up to ...
    std::size_t sending_end_ = 0;
    std::size_t sent_ = 0;  // ... and how far that has gone
};

}  // namespace ramie::detail
