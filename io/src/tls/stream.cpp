#include <ramie/tls.hpp>

#include "call/operation.hpp"
#include "tls/connection.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace ramie {

using namespace detail;

namespace {

std::unexpected<std::error_code> moved_away() {
    return std::unexpected(closed_before());
}

std::expected<std::unique_ptr<tls_connection>, std::error_code> checked(std::unique_ptr<tls_connection> made) {
    if (made->engine.is_impossible()) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    return made;
}

// f(SSL*), or a default for a stream that was moved from.
template <class F>
auto ask(std::unique_ptr<tls_connection> const& c, F&& f) {
    using answer = decltype(f(static_cast<SSL*>(nullptr)));
    return c == nullptr ? answer{} : c->engine.ask(f);
}

std::string text_or_empty(char const* text) {
    return text == nullptr ? "" : text;
}

// The text that `print` writes about the peer's certificate; empty if the peer has shown none.
template <class Print>
std::string about_peer(std::unique_ptr<tls_connection> const& c, Print print) {
    return ask(c, [&](SSL* ssl) {
        std::unique_ptr<X509, freed_by<&::X509_free>> const shown(::SSL_get1_peer_certificate(ssl));
        std::unique_ptr<BIO, freed_by<&::BIO_free>> const paper(::BIO_new(::BIO_s_mem()));
        if (shown == nullptr || paper == nullptr) return std::string();
        print(paper.get(), shown.get());
        char* text = nullptr;
        auto const size = BIO_get_mem_data(paper.get(), &text);
        return std::string(text, static_cast<std::size_t>(size));
    });
}

}  // namespace

tls_stream::tls_stream(std::unique_ptr<tls_connection> c) noexcept : connection_(std::move(c)) {}
tls_stream::tls_stream(tls_stream&&) noexcept = default;
tls_stream& tls_stream::operator=(tls_stream&&) noexcept = default;
tls_stream::~tls_stream() = default;

std::expected<tls_stream, std::error_code> tls_stream::client_over(std::unique_ptr<tls_transport> over,
                                                                   std::string_view host, std::uint16_t port,
                                                                   tls_client_config const& config) {
    auto peer = std::string(host) + ':' + std::to_string(port);
    auto made = checked(std::make_unique<tls_connection>(std::move(over), config.context_, host, std::move(peer)));
    if (!made) return std::unexpected(made.error());
    return tls_stream(std::move(*made));
}

std::expected<tls_stream, std::error_code> tls_stream::server_over(std::unique_ptr<tls_transport> over,
                                                                   tls_server_config const& config) {
    auto made = checked(std::make_unique<tls_connection>(std::move(over), config.context_));
    if (!made) return std::unexpected(made.error());
    return tls_stream(std::move(*made));
}

std::expected<tls_stream, std::error_code> tls_stream::connect(std::string_view host, std::uint16_t port,
                                                               tls_client_config const& config) {
    auto below = tcp_stream::connect(host, port);
    if (!below) return std::unexpected(below.error());
    auto stream = client_over(wrap(std::move(*below)), host, port, config);
    if (!stream) return stream;
    if (auto const agreed = stream->handshake(); !agreed) return std::unexpected(agreed.error());
    return stream;
}

std::expected<tls_stream, std::error_code> tls_stream::connect(std::string_view host, std::uint16_t port) {
    auto const config = tls_client_config::defaults();
    if (!config) return std::unexpected(config.error().code);
    return connect(host, port, *config);
}

std::expected<tls_stream, std::error_code> tls_stream::connect(std::string_view host, std::uint16_t port,
                                                               tls_client_options const& options) {
    auto const config = tls_client_config::make(options);
    if (!config) return std::unexpected(config.error().code);
    return connect(host, port, *config);
}

std::expected<void, std::error_code> tls_stream::handshake() {
    if (connection_ == nullptr) return moved_away();
    return connection_->handshake();
}

std::expected<std::size_t, std::error_code> tls_stream::read(std::span<std::byte> into) {
    if (connection_ == nullptr) return moved_away();
    return connection_->read(into);
}

std::expected<std::size_t, std::error_code> tls_stream::write(std::span<std::byte const> from) {
    if (connection_ == nullptr) return moved_away();
    std::size_t done = 0;
    if (auto const sent = connection_->write(from, done); !sent) return std::unexpected(sent.error());
    return done;
}

std::expected<std::size_t, io_error> tls_stream::write_all(std::span<std::byte const> from, std::size_t& done) {
    done = 0;
    if (connection_ == nullptr) return std::unexpected(io_error{closed_before(), 0});
    do {  // at least once: bytes of an earlier write may still have to be sent
        if (auto const sent = connection_->write(from.subspan(done), done); !sent)
            return std::unexpected(io_error{sent.error(), done});
    } while (done < from.size());
    return done;
}

std::expected<void, std::error_code> tls_stream::shutdown() {
    if (connection_ == nullptr) return moved_away();
    return connection_->shutdown();
}

void tls_stream::close() noexcept {
    if (connection_ != nullptr) connection_->close();
}

std::string tls_stream::alpn() const {
    return ask(connection_, [](SSL* ssl) {
        unsigned char const* name = nullptr;
        unsigned size = 0;
        ::SSL_get0_alpn_selected(ssl, &name, &size);
        return std::string(reinterpret_cast<char const*>(name), size);
    });
}

std::string tls_stream::version() const {
    return ask(connection_,
               [](SSL* ssl) { return text_or_empty(SSL_is_init_finished(ssl) ? ::SSL_get_version(ssl) : ""); });
}

std::string tls_stream::cipher() const {
    return ask(connection_,
               [](SSL* ssl) { return text_or_empty(SSL_is_init_finished(ssl) ? SSL_get_cipher_name(ssl) : ""); });
}

std::string tls_stream::server_name() const {
    return ask(connection_,
               [](SSL* ssl) { return text_or_empty(::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)); });
}

bool tls_stream::resumed() const {
    return ask(connection_, [](SSL* ssl) { return SSL_is_init_finished(ssl) && ::SSL_session_reused(ssl) == 1; });
}

std::string tls_stream::peer_certificate() const {
    return about_peer(connection_, [](BIO* into, X509* shown) { ::PEM_write_bio_X509(into, shown); });
}

std::string tls_stream::peer_subject() const {
    return about_peer(connection_, [](BIO* into, X509* shown) {
        ::X509_NAME_print_ex(into, ::X509_get_subject_name(shown), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    });
}

std::expected<endpoint, std::error_code> tls_stream::local_endpoint() const {
    if (connection_ == nullptr) return moved_away();
    return connection_->transport->local_endpoint();
}

std::expected<endpoint, std::error_code> tls_stream::peer_endpoint() const {
    if (connection_ == nullptr) return moved_away();
    return connection_->transport->peer_endpoint();
}

}  // namespace ramie
