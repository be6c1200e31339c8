// Errors of TLS. RAMIE_WITH_TLS is 1 when the library was built with OpenSSL, else 0, and then tls.hpp says so.
#pragma once

#include <ramie/detail/ground/language.hpp>
#include <ramie/detail/tls/with_tls.hpp>

#if RAMIE_WITH_TLS

#include <string>
#include <system_error>
#include <type_traits>

namespace ramie {

// What is worth telling apart. A peer's certificate that fails in yet another way has an error of the same category,
// with OpenSSL's own words.
enum class tls_errc {
    truncated = 1,        // the connection ended without the peer's word that this is the end: something may be missing
    certificate_expired,  // the peer's certificate, or one above it, is too old
    certificate_not_yet_valid,  // or too new; or the clock is wrong
    certificate_revoked,        // it is on a revocation list that was given
    wrong_host,                 // it is for other names or addresses (tls.hpp); its subject does not count
    self_signed,                // it vouches for itself, and is not among those trusted
    unknown_issuer,             // nobody trusted vouches for it
    no_certificate,             // the peer has to show one, and did not
    revocation_unknown          // the revocation list given says nothing of its issuer, or is out of date
};

std::error_category const& tls_category() noexcept;
inline std::error_code make_error_code(tls_errc e) noexcept {
    return {static_cast<int>(e), tls_category()};
}

// Everything else that TLS can fail with: OpenSSL's codes ("wrong version number", "no shared cipher"), and what the
// peer said when it gave up ("the peer gave up: tlsv1 alert unknown ca").
std::error_category const& openssl_category() noexcept;

}  // namespace ramie

template <>
struct std::is_error_code_enum<ramie::tls_errc> : std::true_type {};

#endif
