#include <ramie/tls_error.hpp>

#include "tls/error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace ramie {

namespace {

// Codes in tls_category above all tls_errc: OpenSSL's own reasons for refusing a certificate.
constexpr int verdict_base = 1000;

char const* text_of(tls_errc e) {
    switch (e) {
    case tls_errc::truncated: return "the connection ended without a TLS close: something may be missing";
    case tls_errc::certificate_expired: return "the peer's certificate, or one above it, has expired";
    case tls_errc::certificate_not_yet_valid: return "the peer's certificate, or one above it, is not valid yet";
    case tls_errc::certificate_revoked: return "the peer's certificate has been revoked";
    case tls_errc::wrong_host: return "the peer's certificate is for another host";
    case tls_errc::self_signed: return "the peer's certificate is self-signed and not trusted";
    case tls_errc::unknown_issuer: return "the peer's certificate has no trusted issuer";
    case tls_errc::no_certificate: return "the peer has shown no certificate";
    case tls_errc::revocation_unknown: return "whether the peer's certificate has been revoked is not known";
    }
    return "unknown TLS error";
}

}  // namespace

std::error_category const& tls_category() noexcept {
    static class final : public std::error_category {
        char const* name() const noexcept override { return "ramie.tls"; }
        std::string message(int value) const override {
            if (value < verdict_base) return text_of(static_cast<tls_errc>(value));
            return std::string("the peer's certificate: ") + ::X509_verify_cert_error_string(value - verdict_base);
        }
    } const category;
    return category;
}

std::error_category const& openssl_category() noexcept {
    static class final : public std::error_category {
        char const* name() const noexcept override { return "ramie.openssl"; }
        std::string message(int value) const override {
            auto const code = static_cast<unsigned>(value);
            auto const* const reason = ::ERR_reason_error_string(code);
            std::string text = reason != nullptr ? reason : "error " + std::to_string(code);
            bool const is_alert = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET;
            return is_alert ? "the peer gave up: " + text : text;
        }
    } const category;
    return category;
}

namespace detail {

namespace {

std::error_code error_of_verdict(long verdict) {
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return tls_errc::certificate_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return tls_errc::certificate_not_yet_valid;
    case X509_V_ERR_CERT_REVOKED: return tls_errc::certificate_revoked;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return tls_errc::wrong_host;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return tls_errc::self_signed;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return tls_errc::unknown_issuer;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED: return tls_errc::revocation_unknown;
    default: return {verdict_base + static_cast<int>(verdict), tls_category()};
    }
}

}  // namespace

std::error_code drain_openssl_errors(ssl_st const* ssl) noexcept {
    auto const code = ::ERR_get_error();  // the first is the cause, the others follow from it
    ::ERR_clear_error();
    if (code == 0) return std::make_error_code(std::errc::protocol_error);
    if (ERR_SYSTEM_ERROR(code)) return {ERR_GET_REASON(code), std::system_category()};
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ssl != nullptr) {
        if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
            return error_of_verdict(::SSL_get_verify_result(ssl));
        if (ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) return tls_errc::no_certificate;
    }
    if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) return std::make_error_code(std::errc::not_enough_memory);
    return {static_cast<int>(static_cast<unsigned>(code)), openssl_category()};
}

}  // namespace detail

}  // namespace ramie
