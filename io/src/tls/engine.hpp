// One TLS connection without its wire: bytes from the peer are fed in, bytes for the peer are taken out, and between
// that are single steps of OpenSSL that never wait for anything outside.
//
// OpenSSL's object takes some ten kilobytes, and more with its first step. So it is made in the first step: a
// connection that waits for its peer's first byte has no such object.
//
// OpenSSL's objects are not thread-safe, so each step holds guard_. OpenSSL's error queue belongs to the thread, so a
// step empties it before, reads it after, and is never suspended in between. A wait for guard_ is no longer than
// another fiber's step, so it is no abort point: bytes that were read from the wire or encrypted are never lost.
#pragma once

#include "tls/context.hpp"
#include "tls/host.hpp"
#include "tls/wire.hpp"

#include <ramie/mutex.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace ramie::detail {

class tls_engine {
  public:
    enum class outcome {
        done,         // `count` bytes; or the handshake is complete
        needs_input,  // feed() more bytes, then repeat the step
        ended,        // the peer has announced the end of its data
        failed        // with `error`; all later steps fail too
    };
    struct step {
        outcome what;
        std::size_t count = 0;
        std::error_code error = {};
        std::size_t unread = 0;     // bytes fed in that were not used yet; with needs_input: 0
        bool is_in_record = false;  // part of a record has been read, and its rest is expected
    };

    // For a server.
    explicit tls_engine(std::shared_ptr<tls_context> c);
    // For a client of `host`, a name or an address; sessions are kept under `peer`.
    tls_engine(std::shared_ptr<tls_context> c, std::string_view host, std::string peer);
    tls_engine(tls_engine const&) = delete;
    tls_engine& operator=(tls_engine const&) = delete;
    ~tls_engine();
    // A client whose host is neither a name nor an address.
    bool is_impossible() const noexcept { return is_client_ && !host_; }
    // Then the peer begins.
    bool is_server() const noexcept { return !is_client_; }

    step handshake();
    // Decrypts into `into`, which is not empty.
    step read(std::span<std::byte> into);
    // Encrypts all or a part of `from`, which is not empty.
    step write(std::span<std::byte const> from);
    step close_notify();
    // From now on all steps fail with `why`.
    void break_off(std::error_code why);
    // The error with which all steps fail; none: they do not.
    std::error_code broken() const;

    // More bytes from the peer, after all earlier ones have been used. The memory must stay valid until these are used,
    // too.
    void feed(std::span<std::byte const> from_peer);
    // All bytes to be sent; empty: there are none at the moment.
    std::vector<std::byte> take();
    std::size_t unsent() const;

    // Asks OpenSSL about the connection: f(SSL*). Before the first step: a default value.
    template <class F>
    auto ask(F&& f) const;

  private:
    class turn;
    template <class Call>
    step do_step(std::size_t stack_needed, Call&& call);
    // False: no memory.
    bool begin();
    step outcome_of(int answer);
    step failed_with(std::error_code why);

    std::shared_ptr<tls_context> const context_;
    bool const is_client_;
    std::optional<tls_host> const host_;  // a client's
    std::string const peer_;              // OpenSSL holds a pointer to it
    mutable ramie::mutex guard_;
    tls_wire wire_;
    ssl_ptr ssl_;  // null before the first step
    std::error_code broken_;
};

// Holds guard_, with the thread's error queue empty.
class tls_engine::turn {
  public:
    explicit turn(tls_engine const& of);
    turn(turn const&) = delete;
    turn& operator=(turn const&) = delete;
    ~turn() { guard_.unlock(); }

  private:
    ramie::mutex& guard_;
};

template <class F>
auto tls_engine::ask(F&& f) const {
    turn const mine(*this);
    return ssl_ == nullptr ? decltype(f(static_cast<SSL*>(nullptr))){} : f(ssl_.get());
}

}  // namespace ramie::detail
