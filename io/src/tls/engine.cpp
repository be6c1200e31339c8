#include "tls/engine.hpp"

#include "tls/error.hpp"

#include <ramie/detail/wait/waiter.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>

#include <openssl/err.h>

#include <utility>

namespace ramie::detail {

namespace {

// OpenSSL 3.0 uses up to 7 KiB of its caller's stack in a handshake, and 6 for reading and writing (docs/rationale.md).
// Other versions, providers and key stores may need more, so these are much larger.
constexpr std::size_t handshake_stack = 64 * 1024;
constexpr std::size_t transfer_stack = 16 * 1024;

// Calls f() here; or, if the fiber's stack has too little room left, on a thread of the blocking pool, and waits. The
// wait cannot be aborted, because f has effects.
template <class F>
void with_room(std::size_t needed, F&& f) {
    if (!waiter::self().is_fiber() || this_fiber::stack_left() >= needed) return f();
    abort_shield const until_done;
    spawn_blocking_in<blocking_share::steps>(std::forward<F>(f)).get();
}

// A name is also sent to the server (SNI); an address must not be.
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

tls_engine::tls_engine(std::shared_ptr<tls_context> c) : context_(std::move(c)), is_client_(false) {}

tls_engine::tls_engine(std::shared_ptr<tls_context> c, std::string_view host, std::string peer)
    : context_(std::move(c)), is_client_(true), host_(tls_host::parse(host)), peer_(std::move(peer)) {}

bool tls_engine::begin() {
    auto made = context_->connection();
    if (made == nullptr || !wire_.connect(made.get())) return false;
    if (!is_client_) {
        ::SSL_set_accept_state(made.get());
    } else {
        ::SSL_set_connect_state(made.get());
        SSL_set_app_data(made.get(), const_cast<std::string*>(&peer_));
        if (!aim_at(made.get(), *host_, context_->verify)) return false;
        context_->sessions.offer_to(made.get(), peer_);
    }
    ssl_ = std::move(made);
    return true;
}

// Otherwise OpenSSL would not resume a session whose connection has just ended; since TLS 1.1 that is allowed.
tls_engine::~tls_engine() {
    if (ssl_ != nullptr && !broken_) ::SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

tls_engine::step tls_engine::failed_with(std::error_code why) {
    broken_ = why;
    return {outcome::failed, 0, why, wire_.unread()};
}

tls_engine::step tls_engine::outcome_of(int answer) {
    if (wire_.is_short_of_memory()) return failed_with(std::make_error_code(std::errc::not_enough_memory));
    auto const unread = wire_.unread();
    switch (::SSL_get_error(ssl_.get(), answer)) {
    case SSL_ERROR_NONE: return {outcome::done, 0, {}, unread};
    case SSL_ERROR_WANT_READ: return {outcome::needs_input, 0, {}, unread, ::SSL_has_pending(ssl_.get()) == 1};
    case SSL_ERROR_ZERO_RETURN: return {outcome::ended, 0, {}, unread};
    default: break;  // the wire always takes what is written, so there is nothing else to wait for
    }
    return failed_with(drain_openssl_errors(ssl_.get()));
}

// Does not wait, so OpenSSL's error queue is read on the thread that filled it.
template <class Call>
tls_engine::step tls_engine::do_step(std::size_t stack_needed, Call&& call) {
    turn const mine(*this);
    if (broken_) return {outcome::failed, 0, broken_};
    step result{};
    with_room(stack_needed, [&] {
        ::ERR_clear_error();  // the step may run on another thread
        result = ssl_ != nullptr || begin() ? outcome_of(call(ssl_.get()))
                                            : failed_with(std::make_error_code(std::errc::not_enough_memory));
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
    // 0 and 1 tell whether the peer has ended too; that is for reading to report.
    return do_step(transfer_stack, [](SSL* ssl) { return ::SSL_shutdown(ssl) >= 0 ? 1 : -1; });
}

void tls_engine::break_off(std::error_code why) {
    turn const mine(*this);
    broken_ = why;
}

std::error_code tls_engine::broken() const {
    turn const mine(*this);
    return broken_;
}

void tls_engine::feed(std::span<std::byte const> from_peer) {
    turn const mine(*this);
    wire_.feed(from_peer);
}

std::size_t tls_engine::unsent() const {
    turn const mine(*this);
    return wire_.unsent();
}

std::vector<std::byte> tls_engine::take() {
    turn const mine(*this);
    return wire_.take();
}

}  // namespace ramie::detail
