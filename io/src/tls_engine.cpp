#include "tls_engine.hpp"

#include "tls_error.hpp"
#include "tls_host.hpp"

#include <ramie/detail/waiter.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <openssl/err.h>

#include <utility>

namespace ramie::detail {

namespace {

// OpenSSL 3.0 uses up to 7 KiB below its caller in a handshake, and for reading and writing 6 (docs/rationale.md).
// Other versions, providers and key stores may want more, so much more is asked for.
constexpr std::size_t handshake_stack = 64 * 1024;
constexpr std::size_t transfer_stack = 16 * 1024;

// Calls f() here, or, when the fiber's stack has too little room left, on a thread of the blocking pool, and waits.
// An abort must not come in between: f has effects.
template <class F>
void with_room(std::size_t needed, F&& f) {
    if (!waiter::self().is_fiber() || this_fiber::stack_left() >= needed) return f();
    abort_shield const until_done;
    spawn_blocking_in<blocking_share::steps>(std::forward<F>(f)).get();
}

// A name is also sent along (SNI), which an address may not be.
bool aim_at(SSL* ssl, tls_host const& host, bool verify) {
    if (!host.is_address() && SSL_set_tlsext_host_name(ssl, host.text().c_str()) != 1) return false;
    return !verify || host.demand_of(ssl);
}

}  // namespace

tls_engine::turn::turn(tls_engine const& of) : guard_(of.guard_) {
    abort_shield const whole;
    guard_.lock();
    ::ERR_clear_error();
}

tls_engine::tls_engine(std::shared_ptr<tls_context> c) : context_(std::move(c)), ssl_(context_->connection()) {
    if (ssl_ == nullptr)
        unusable_ = std::make_error_code(std::errc::not_enough_memory);
    else
        ::SSL_set_accept_state(ssl_.get());
}

tls_engine::tls_engine(std::shared_ptr<tls_context> c, std::string_view host, std::string peer)
    : context_(std::move(c)), peer_(std::move(peer)), ssl_(context_->connection()) {
    if (ssl_ == nullptr) {
        unusable_ = std::make_error_code(std::errc::not_enough_memory);
        return;
    }
    ::SSL_set_connect_state(ssl_.get());
    SSL_set_app_data(ssl_.get(), const_cast<std::string*>(&peer_));
    auto const asked_for = tls_host::parse(host);
    if (!asked_for || !aim_at(ssl_.get(), *asked_for, context_->verify)) {
        ::ERR_clear_error();
        unusable_ = std::make_error_code(asked_for ? std::errc::not_enough_memory : std::errc::invalid_argument);
        return;
    }
    context_->sessions.offer_to(ssl_.get(), peer_);
}

// Else OpenSSL would not have a session taken up again whose connection just ended; since TLS 1.1 it may be.
tls_engine::~tls_engine() {
    if (ssl_ != nullptr && !broken_) ::SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

tls_engine::step tls_engine::outcome_of(int answer) {
    switch (::SSL_get_error(ssl_.get(), answer)) {
    case SSL_ERROR_NONE: return {outcome::done};
    case SSL_ERROR_WANT_READ: return {outcome::needs_input};
    case SSL_ERROR_ZERO_RETURN: return {outcome::ended};
    default: break;  // a memory BIO always takes what is written, so nothing else is to be waited for
    }
    broken_ = drain_openssl_errors(ssl_.get());
    return {outcome::failed, 0, broken_};
}

// Nothing in here waits, and OpenSSL's answer is read on the thread that got it.
template <class Call>
tls_engine::step tls_engine::do_step(std::size_t stack_needed, Call&& call) {
    turn const mine(*this);
    if (broken_) return {outcome::failed, 0, broken_};
    step result{};
    with_room(stack_needed, [&] {
        ::ERR_clear_error();  // it may be another thread
        result = outcome_of(call(ssl_.get()));
        ::ERR_clear_error();
    });
    return result;
}

tls_engine::step tls_engine::handshake() {
    auto const result = do_step(handshake_stack, [](SSL* ssl) { return ::SSL_do_handshake(ssl); });
    if (result.what == outcome::failed) context_->sessions.forget(peer_);
    return result;
}

tls_engine::step tls_engine::read(std::span<std::byte> into) {
    std::size_t count = 0;
    auto result =
        do_step(transfer_stack, [&](SSL* ssl) { return ::SSL_read_ex(ssl, into.data(), into.size(), &count); });
    result.count = count;
    return result;
}

tls_engine::step tls_engine::write(std::span<std::byte const> from) {
    std::size_t count = 0;
    bool ended = false;
    auto result = do_step(transfer_stack, [&](SSL* ssl) {
        ended = (::SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) != 0;
        return ended ? 1 : ::SSL_write_ex(ssl, from.data(), from.size(), &count);
    });
    if (ended) return {outcome::failed, 0, std::make_error_code(std::errc::broken_pipe)};
    result.count = count;
    return result;
}

tls_engine::step tls_engine::close_notify() {
    // 0 and 1 say whether the peer has ended too: a matter of reading.
    return do_step(transfer_stack, [](SSL* ssl) { return ::SSL_shutdown(ssl) >= 0 ? 1 : -1; });
}

void tls_engine::break_off(std::error_code why) {
    turn const mine(*this);
    broken_ = why;
}

void tls_engine::feed(std::span<std::byte const> from_peer) {
    turn const mine(*this);
    std::size_t taken = 0;
    if (::BIO_write_ex(::SSL_get_rbio(ssl_.get()), from_peer.data(), from_peer.size(), &taken) != 1 ||
        taken != from_peer.size())
        broken_ = std::make_error_code(std::errc::not_enough_memory);  // a piece would be missing from now on
    ::ERR_clear_error();
}

std::size_t tls_engine::unsent() const {
    return ask([](SSL* ssl) { return ::BIO_ctrl_pending(::SSL_get_wbio(ssl)); });
}

std::size_t tls_engine::take(std::span<std::byte> for_peer) {
    turn const mine(*this);
    std::size_t count = 0;
    (void)::BIO_read_ex(::SSL_get_wbio(ssl_.get()), for_peer.data(), for_peer.size(), &count);  // empty: count stays 0
    ::ERR_clear_error();
    return count;
}

}  // namespace ramie::detail
