#include "tls/context.hpp"

#include "tls/error.hpp"
#include "tls/pem.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <utility>

namespace ramie::detail {

namespace {

constexpr std::size_t longest_protocol = 255;

tls_context& context_of(SSL const* ssl) {
    return *static_cast<tls_context*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl)));
}

// OpenSSL has got a session from a server: keeps it under the name that the connection carries. 1: the session is ours
// now.
int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto const* const peer = static_cast<std::string const*>(SSL_get_app_data(ssl));
    if (peer == nullptr) return 0;
    context_of(ssl).sessions.put(*peer, session);
    return 1;
}

int choose_protocol(SSL*, unsigned char const** chosen, unsigned char* size, unsigned char const* offered,
                    unsigned offered_size, void* ours) {
    auto const& known = *static_cast<std::vector<unsigned char> const*>(ours);
    auto const answer = ::SSL_select_next_proto(const_cast<unsigned char**>(chosen), size, known.data(),
                                                static_cast<unsigned>(known.size()), offered, offered_size);
    return answer == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

// Goes through the options. The first failure is kept, and later options are skipped.
struct tls_context_maker {
    explicit tls_context_maker(SSL_METHOD const* method) {
        ::ERR_clear_error();
        made_->ctx_.reset(::SSL_CTX_new(method));
        if (made_->ctx_ == nullptr) {
            fail("OpenSSL", drain_openssl_errors(nullptr));
            return;
        }
        SSL_CTX_set_app_data(ctx(), made_.get());
        ::SSL_CTX_set_options(ctx(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
        // An idle connection holds no record buffers. A write may be partial, and may be repeated from another address.
        SSL_CTX_set_mode(ctx(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }

    SSL_CTX* ctx() const { return made_->ctx_.get(); }
    void fail(std::string option, std::error_code why) { error_ = {why, std::move(option)}; }
    void fail(std::string option, pem const& from, std::error_code why) {
        fail(from.is_file() ? option + ": " + from.value() : std::move(option), why);
    }
    template <class Use>
    void read(std::string option, pem const& from, Use use) {
        read_into(ctx(), std::move(option), from, use);
    }
    template <class Use>
    void read_into(SSL_CTX* into, std::string option, pem const& from, Use use) {
        if (error_.code) return;
        if (auto const done = use(into, from); !done) fail(std::move(option), from, done.error());
    }
    void limit_versions(tls_version least) {
        if (!error_.code)
            SSL_CTX_set_min_proto_version(ctx(), least == tls_version::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    }
    void identify(SSL_CTX* as, std::string const& option, tls_identity const& who) {
        read_into(as, option + ".certificates", who.certificates, use_certificates);
        read_into(as, option + ".key", who.key,
                  [&](SSL_CTX* c, pem const& from) { return use_key(c, from, who.key_password); });
    }
    void identify_by_host(std::vector<tls_identity> const& all) {
        for (std::size_t n = 0; n < all.size() && !error_.code; ++n) {
            ssl_ctx_ptr one(::SSL_CTX_new(::TLS_server_method()));
            if (one == nullptr) return fail("OpenSSL", drain_openssl_errors(nullptr));
            identify(one.get(), "more_identities[" + std::to_string(n) + "]", all[n]);
            made_->identities_.add(std::move(one));
        }
        made_->identities_.choose_for(ctx());
    }
    void set_timeout(std::chrono::nanoseconds t) {
        if (error_.code) return;
        if (t.count() < 0)
            return fail("handshake_timeout must not be negative", std::make_error_code(std::errc::invalid_argument));
        made_->handshake_timeout = t;
    }
    void set_protocols(std::vector<std::string> const& names) {
        if (error_.code) return;
        for (auto const& each : names) {
            if (each.empty() || each.size() > longest_protocol)
                return fail("alpn: a protocol's name has 1 to 255 bytes",
                            std::make_error_code(std::errc::invalid_argument));
            made_->protocols_.push_back(static_cast<unsigned char>(each.size()));
            made_->protocols_.insert(made_->protocols_.end(), each.begin(), each.end());
        }
    }
    tls_context::made done() {
        if (error_.code) return std::unexpected(std::move(error_));
        return std::move(made_);
    }

    void make_client(tls_client_options const& options) {
        limit_versions(options.min_version);
        set_timeout(options.handshake_timeout);
        set_protocols(options.alpn);
        if (options.trusted)
            read("trusted", *options.trusted, trust);
        else if (options.verify && !error_.code && ::SSL_CTX_set_default_verify_paths(ctx()) != 1)
            fail("the system's certificates", drain_openssl_errors(nullptr));
        if (options.revoked) read("revoked", *options.revoked, heed_revocations);
        if (options.identity) identify(ctx(), "identity", *options.identity);
        if (error_.code) return;
        made_->verify = options.verify;
        ::SSL_CTX_set_verify(ctx(), options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
        auto const& names = made_->protocols_;
        if (!names.empty() && ::SSL_CTX_set_alpn_protos(ctx(), names.data(), static_cast<unsigned>(names.size())) != 0)
            return fail("alpn", std::make_error_code(std::errc::not_enough_memory));
        SSL_CTX_set_session_cache_mode(ctx(), options.resume ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
                                                             : SSL_SESS_CACHE_OFF);
        if (options.resume) ::SSL_CTX_sess_set_new_cb(ctx(), keep_session);
    }

    void make_server(tls_server_options const& options) {
        limit_versions(options.min_version);
        set_timeout(options.handshake_timeout);
        set_protocols(options.alpn);
        identify(ctx(), "identity", options.identity);
        identify_by_host(options.more_identities);
        if (options.clients != tls_client_certificates::ignored) ask_clients(options);
        if (error_.code) return;
        if (!made_->protocols_.empty()) ::SSL_CTX_set_alpn_select_cb(ctx(), choose_protocol, &made_->protocols_);
        ::SSL_CTX_set_options(ctx(), SSL_OP_CIPHER_SERVER_PREFERENCE);
        SSL_CTX_set_dh_auto(ctx(), 1);
        // Clients keep their sessions in tickets. A session of one config must not be used with another, which may
        // demand more of its clients.
        SSL_CTX_set_session_cache_mode(ctx(), SSL_SESS_CACHE_OFF);
        unsigned char id[16];
        if (::RAND_bytes(id, sizeof id) != 1 || ::SSL_CTX_set_session_id_context(ctx(), id, sizeof id) != 1)
            fail("OpenSSL", drain_openssl_errors(nullptr));
    }

    void ask_clients(tls_server_options const& options) {
        if (error_.code) return;
        if (!options.trusted)
            return fail("trusted: must be given when clients are to show certificates",
                        std::make_error_code(std::errc::invalid_argument));
        read("trusted", *options.trusted, trust);
        read("trusted", *options.trusted, name_to_clients);
        if (options.revoked) read("revoked", *options.revoked, heed_revocations);
        if (error_.code) return;
        bool const needed = options.clients == tls_client_certificates::required;
        ::SSL_CTX_set_verify(ctx(), SSL_VERIFY_PEER | (needed ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    }

  private:
    std::shared_ptr<tls_context> made_{new tls_context};
    tls_config_error error_;
};

tls_context::made tls_context::for_clients(tls_client_options const& options) {
    tls_context_maker maker(::TLS_client_method());
    maker.make_client(options);
    return maker.done();
}

tls_context::made tls_context::for_servers(tls_server_options const& options) {
    tls_context_maker maker(::TLS_server_method());
    maker.make_server(options);
    return maker.done();
}

ssl_ptr tls_context::connection() const {
    return ssl_ptr(::SSL_new(ctx_.get()));
}

}  // namespace ramie::detail
