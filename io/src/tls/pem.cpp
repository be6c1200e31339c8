#include "tls/pem.hpp"

#include "tls/error.hpp"
#include "tls/owned.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace ramie::detail {

namespace {

using bio_ptr = std::unique_ptr<BIO, freed_by<&::BIO_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<&::X509_free>>;
using crl_ptr = std::unique_ptr<X509_CRL, freed_by<&::X509_CRL_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<&::EVP_PKEY_free>>;

std::unexpected<std::error_code> openssl_failure() {
    return std::unexpected(drain_openssl_errors(nullptr));
}

std::expected<std::string, std::error_code> content_of(pem const& from) {
    if (!from.is_file()) return from.value();
    auto const system_failure = [] { return std::unexpected(std::error_code(errno, std::system_category())); };
    std::unique_ptr<std::FILE, freed_by<&std::fclose>> const file(std::fopen(from.value().c_str(), "re"));
    if (file == nullptr) return system_failure();
    std::string all;
    char part[4096];
    while (auto const n = std::fread(part, 1, sizeof part, file.get())) all.append(part, n);
    if (std::ferror(file.get()) != 0) return system_failure();
    return all;
}

// Without this, OpenSSL would ask the terminal for the password.
int give_password(char* into, int size, int, void* password) {
    auto const& text = *static_cast<std::string const*>(password);
    if (text.size() > static_cast<std::size_t>(size)) return -1;
    std::memcpy(into, text.data(), text.size());
    return static_cast<int>(text.size());
}

// Calls use(object) for each object that `read_next` finds; there must be at least one.
template <class Read, class Use>
pem_result for_each_in(pem const& from, Read read_next, Use use) {
    auto const content = content_of(from);
    if (!content) return std::unexpected(content.error());
    ::ERR_clear_error();
    bio_ptr const bio(::BIO_new_mem_buf(content->data(), static_cast<int>(content->size())));
    if (bio == nullptr) return openssl_failure();
    for (bool first = true;; first = false) {
        auto const object = read_next(bio.get());
        if (object == nullptr) {
            bool const is_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            if (first || !is_end) return openssl_failure();
            ::ERR_clear_error();
            return {};
        }
        if (!use(object.get(), first)) return openssl_failure();
    }
}

x509_ptr read_certificate(BIO* from) {
    return x509_ptr(::PEM_read_bio_X509_AUX(from, nullptr, nullptr, nullptr));
}

}  // namespace

pem_result use_certificates(SSL_CTX* ctx, pem const& from) {
    return for_each_in(from, read_certificate, [&](X509* each, bool is_leaf) {
        return (is_leaf ? ::SSL_CTX_use_certificate(ctx, each) : SSL_CTX_add1_chain_cert(ctx, each)) == 1;
    });
}

pem_result use_key(SSL_CTX* ctx, pem const& from, std::string const& password) {
    auto const content = content_of(from);
    if (!content) return std::unexpected(content.error());
    ::ERR_clear_error();
    bio_ptr const bio(::BIO_new_mem_buf(content->data(), static_cast<int>(content->size())));
    if (bio == nullptr) return openssl_failure();
    key_ptr const key(
        ::PEM_read_bio_PrivateKey(bio.get(), nullptr, &give_password, const_cast<std::string*>(&password)));
    // This also checks whether the key fits the certificate.
    if (key == nullptr || ::SSL_CTX_use_PrivateKey(ctx, key.get()) != 1) return openssl_failure();
    return {};
}

pem_result trust(SSL_CTX* ctx, pem const& from) {
    auto* const store = ::SSL_CTX_get_cert_store(ctx);
    ::X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return for_each_in(from, read_certificate,
                       [&](X509* each, bool) { return ::X509_STORE_add_cert(store, each) == 1; });
}

pem_result heed_revocations(SSL_CTX* ctx, pem const& from) {
    auto* const store = ::SSL_CTX_get_cert_store(ctx);
    ::X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    auto const read = [](BIO* bio) { return crl_ptr(::PEM_read_bio_X509_CRL(bio, nullptr, nullptr, nullptr)); };
    return for_each_in(from, read, [&](X509_CRL* each, bool) { return ::X509_STORE_add_crl(store, each) == 1; });
}

pem_result name_to_clients(SSL_CTX* ctx, pem const& from) {
    return for_each_in(from, read_certificate,
                       [&](X509* each, bool) { return ::SSL_CTX_add_client_CA(ctx, each) == 1; });
}

}  // namespace ramie::detail
