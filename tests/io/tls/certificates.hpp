// Certificates made for a test, in memory: an authority, the certificates it issues, and its revocations.
#pragma once

#include <ramie/tls_config.hpp>

#include <doctest/doctest.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <string>

namespace ramie::testing {

using namespace std::chrono_literals;

namespace openssl {

template <auto Free>
struct freed_by {
    void operator()(auto* p) const noexcept { Free(p); }
};
using key = std::unique_ptr<EVP_PKEY, freed_by<&::EVP_PKEY_free>>;
using certificate = std::unique_ptr<X509, freed_by<&::X509_free>>;

// The text that write(BIO*) writes.
template <class Write>
std::string text(Write write) {
    std::unique_ptr<BIO, freed_by<&::BIO_free>> const into(::BIO_new(::BIO_s_mem()));
    REQUIRE(write(into.get()) == 1);
    char* at = nullptr;
    auto const size = BIO_get_mem_data(into.get(), &at);
    return {at, static_cast<std::size_t>(size)};
}

}  // namespace openssl

struct certificate_wish {
    std::string subject = "test";
    std::string names = "DNS:localhost,IP:127.0.0.1";
    std::chrono::seconds from = -1h, until = 1h;
    bool rsa = false;  // else an elliptic curve
};

// A certificate and its key.
class certified {
  public:
    certified(certificate_wish const& wish, bool is_authority, certified const* issuer = nullptr)
        : key_(wish.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")), certificate_(::X509_new()) {
        static long serial = 1;
        auto* const x = certificate_.get();
        ::X509_set_version(x, 2);
        ::ASN1_INTEGER_set(::X509_get_serialNumber(x), ++serial);
        ::X509_gmtime_adj(::X509_getm_notBefore(x), wish.from.count());
        ::X509_gmtime_adj(::X509_getm_notAfter(x), wish.until.count());
        ::X509_set_pubkey(x, key_.get());
        auto const* const name = reinterpret_cast<unsigned char const*>(wish.subject.c_str());
        ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(x), "CN", MBSTRING_UTF8, name, -1, -1, 0);
        auto const& by = issuer == nullptr ? *this : *issuer;
        ::X509_set_issuer_name(x, ::X509_get_subject_name(by.certificate_.get()));
        extend(NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
        if (!is_authority && !wish.names.empty()) extend(NID_subject_alt_name, wish.names);
        REQUIRE(::X509_sign(x, by.key_.get(), ::EVP_sha256()) > 0);
    }

    certified issue(certificate_wish const& wish = {}) const { return {wish, false, this}; }
    certified issue_authority(std::string const& subject) const { return {{.subject = subject}, true, this}; }
    // A list with this one certificate, signed by this authority.
    std::string revocation_of(certified const& victim, std::chrono::seconds until = 1h) const {
        std::unique_ptr<X509_CRL, openssl::freed_by<&::X509_CRL_free>> const list(::X509_CRL_new());
        std::unique_ptr<ASN1_TIME, openssl::freed_by<&::ASN1_TIME_free>> const now(::X509_gmtime_adj(nullptr, -7200));
        std::unique_ptr<ASN1_TIME, openssl::freed_by<&::ASN1_TIME_free>> const then(
            ::X509_gmtime_adj(nullptr, until.count()));
        ::X509_CRL_set_version(list.get(), 1);
        ::X509_CRL_set_issuer_name(list.get(), ::X509_get_subject_name(certificate_.get()));
        ::X509_CRL_set1_lastUpdate(list.get(), now.get());
        ::X509_CRL_set1_nextUpdate(list.get(), then.get());
        auto* const entry = ::X509_REVOKED_new();
        ::X509_REVOKED_set_serialNumber(entry, ::X509_get_serialNumber(victim.certificate_.get()));
        ::X509_REVOKED_set_revocationDate(entry, now.get());
        ::X509_CRL_add0_revoked(list.get(), entry);
        REQUIRE(::X509_CRL_sign(list.get(), key_.get(), ::EVP_sha256()) > 0);
        return openssl::text([&](BIO* into) { return ::PEM_write_bio_X509_CRL(into, list.get()); });
    }

    std::string certificate() const {
        return openssl::text([&](BIO* into) { return ::PEM_write_bio_X509(into, certificate_.get()); });
    }
    // Encrypted if there is a password.
    std::string key(std::string const& password = {}) const {
        return openssl::text([&](BIO* into) {
            auto const* const cipher = password.empty() ? nullptr : ::EVP_aes_128_cbc();
            auto const* const word = reinterpret_cast<unsigned char const*>(password.data());
            return ::PEM_write_bio_PKCS8PrivateKey(into, key_.get(), cipher, reinterpret_cast<char const*>(word),
                                                   static_cast<int>(password.size()), nullptr, nullptr);
        });
    }
    // As an option; `between`: the certificates between it and the root.
    tls_identity identity(std::string const& between = {}) const {
        return {pem::text(certificate() + between), pem::text(key())};
    }

  private:
    void extend(int what, std::string const& value) {
        std::unique_ptr<X509_EXTENSION, openssl::freed_by<&::X509_EXTENSION_free>> const extension(
            ::X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str()));
        REQUIRE(extension != nullptr);
        ::X509_add_ext(certificate_.get(), extension.get(), -1);
    }

    openssl::key key_;
    openssl::certificate certificate_;
};

inline certified make_authority(std::string const& subject = "authority") {
    return {{.subject = subject}, true};
}
inline certified make_self_signed() {
    return {{}, false};
}

}  // namespace ramie::testing
