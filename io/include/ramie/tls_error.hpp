// Errors of TLS. RAMIE_WITH_TLS is 1 if the library was built with OpenSSL, else 0; tls.hpp then reports that.
#pragma once

#include <ramie/detail/ground/language.hpp>
#include <ramie/detail/tls/with_tls.hpp>

#if RAMIE_WITH_TLS

#include <string>
#include <system_error>
#include <type_traits>

namespace ramie {

// Errors that callers may want to tell apart. A peer's certificate that fails for another reason has an error of the
// same category, with OpenSSL's own words.
enum class tls_errc {
    truncated = 1,        // the connection ended without the peer's announcement: bytes may be missing
    certificate_expired,  // the peer's certificate, or one above it, is too old
    certificate_not_yet_valid,  // or too new; or the clock is wrong
    certificate_revoked,        // it is on a revocation list that was given
    wrong_host,                 // it is for other names or addresses (tls.hpp); its subject does not count
    self_signed,                // it is its own issuer, and is not among the trusted ones
    unknown_issuer,             // it has no trusted issuer
    no_certificate,             // the peer has to show one, and did not
    revocation_unknown          // the revocation list does not cover its issuer, or is out of date
};

RAMIE_API std::error_category const& tls_category() noexcept;
inline std::error_code make_error_code(tls_errc e) noexcept {
    return {static_cast<int>(e), tls_category()};
}

// All other errors of TLS: OpenSSL's codes ("wrong version number", "no shared cipher"), and the peer's reason for
// giving up ("the peer gave up: tlsv1 alert unknown ca").
RAMIE_API std::error_category const& openssl_category() noexcept;

}  // namespace ramie

template <>
struct std::is_error_code_enum<ramie::tls_errc> : std::true_type {};

#endif
