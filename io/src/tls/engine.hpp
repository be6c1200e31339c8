// One TLS connection without its wires: bytes from the peer are fed in, bytes for the peer are taken out, and in
// between are single steps of OpenSSL that never wait for anybody outside.
//
// OpenSSL's object costs some ten kilobytes as it is, and more with its first step. So it is made in the first step: a
// connection that waits for its peer's first byte has none.
//
// OpenSSL's objects are not thread-safe, so each step holds guard_; and its error queue belongs to the thread, so a
// step empties it before, reads it after, and is never suspended in between. Waiting for guard_ takes no longer than
// somebody else's step, so it is no abort point: what has been read from the wire or encrypted is never lost.
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
        needs_input,  // feed() it, and again
        ended,        // the peer has said that nothing more will come
        failed        // `error`; so will everything from now on
    };
    struct step {
        outcome what;
        std::size_t count = 0;
        std::error_code error = {};
        std::size_t unread = 0;     // what is left of the bytes fed in; with needs_input: nothing
        bool is_in_record = false;  // a part of a record has been read, and the rest is expected
    };

    // For a server.
    explicit tls_engine(std::shared_ptr<tls_context> c);
    // For a client of `host`, a name or an address; sessions are kept under `peer`.
    tls_engine(std::shared_ptr<tls_context> c, std::string_view host, std::string peer);
    tls_engine(tls_engine const&) = delete;
    tls_engine& operator=(tls_engine const&) = delete;
    ~tls_engine();
    // It is for a client that asks for what cannot be a host.
    bool is_impossible() const noexcept { return is_client_ && !host_; }
    // The peer begins.
    bool is_server() const noexcept { return !is_client_; }

    step handshake();
    // Decrypts into `into`, which is not empty.
    step read(std::span<std::byte> into);
    // Encrypts all or a part of `from`, which is not empty.
    step write(std::span<std::byte const> from);
    step close_notify();
    // From now on all steps fail with it.
    void break_off(std::error_code why);
    // With what all steps fail; none: they do not.
    std::error_code broken() const;

    // More from the peer, when all that was fed before has been read. It must stay where it is until it has been read.
    void feed(std::span<std::byte const> from_peer);
    // What is to be sent; empty: nothing at the moment.
    std::vector<std::byte> take();
    std::size_t unsent() const;

    // Asks OpenSSL about the connection: f(SSL*); what f's default is before the first step.
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
    std::string const peer_;              // OpenSSL knows where it is
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
