// A certificate that vouches for itself, made on the spot, by OpenSSL's own calls.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

struct self_signed {
    std::string certificate, key;  // PEM

    // Good for a day, for that host name.
    static self_signed make(std::string const& host) {
        owned<EVP_PKEY, &::EVP_PKEY_free> const key(EVP_EC_gen("P-256"));
        owned<X509, &::X509_free> const made(::X509_new());
        ::X509_set_version(made.get(), 2);
        ::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), 1);
        ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), -60);
        ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), 86400);
        ::X509_set_pubkey(made.get(), key.get());
        auto* const name = ::X509_get_subject_name(made.get());
        auto const* const text = reinterpret_cast<unsigned char const*>(host.c_str());
        ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0);
        ::X509_set_issuer_name(made.get(), name);
        auto const names = "DNS:" + host;
        owned<X509_EXTENSION, &::X509_EXTENSION_free> const hosts(
            ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
        ::X509_add_ext(made.get(), hosts.get(), -1);
        check(::X509_sign(made.get(), key.get(), ::EVP_sha256()) > 0);
        return {written([&](BIO* to) { return ::PEM_write_bio_X509(to, made.get()); }), written([&](BIO* to) {
                    return ::PEM_write_bio_PKCS8PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                })};
    }

  private:
    template <auto Free>
    struct freed_by {
        void operator()(auto* p) const noexcept { Free(p); }
    };
    template <class T, auto Free>
    using owned = std::unique_ptr<T, freed_by<Free>>;

    static void check(bool good) {
        if (!good) throw std::runtime_error("OpenSSL could not make a certificate");
    }
    template <class Write>
    static std::string written(Write write) {
        owned<BIO, &::BIO_free> const to(::BIO_new(::BIO_s_mem()));
        check(write(to.get()) == 1);
        char* text = nullptr;
        auto const size = BIO_get_mem_data(to.get(), &text);
        return {text, static_cast<std::size_t>(size)};
    }
};
