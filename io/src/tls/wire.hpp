// What an SSL reads from and writes to instead of a socket.
//
// Bytes from the peer are read where they lie, in their owner's memory; bytes for the peer are put into a block that is
// handed over whole. So nothing is copied on the way, and an idle wire has no memory. (OpenSSL's own memory BIO copies
// in both directions, and keeps the largest size it ever had.)
//
// Not thread-safe, like the SSL.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace ramie::detail {

class tls_wire {
  public:
    tls_wire() = default;
    tls_wire(tls_wire const&) = delete;  // the SSL points here
    tls_wire& operator=(tls_wire const&) = delete;

    // From now on the SSL uses this wire, which must outlive it. False: no memory.
    bool connect(SSL* ssl);

    // All bytes that were fed before have been read. The new ones must stay where they are until they have been read.
    void feed(std::span<std::byte const> from_peer) noexcept { unread_ = from_peer; }
    std::size_t unread() const noexcept { return unread_.size(); }

    // All bytes to be sent.
    std::vector<std::byte> take() noexcept { return std::exchange(unsent_, {}); }
    std::size_t unsent() const noexcept { return unsent_.size(); }
    // There was no memory for bytes to be sent: the stream is broken.
    bool is_short_of_memory() const noexcept { return short_of_memory_; }

  private:
    struct bio_calls;

    std::span<std::byte const> unread_;
    std::vector<std::byte> unsent_;
    bool short_of_memory_ = false;
};

}  // namespace ramie::detail
