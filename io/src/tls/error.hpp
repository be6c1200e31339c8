// From OpenSSL's error queue to error codes.
#pragma once

#include <ramie/tls_error.hpp>

struct ssl_st;

namespace ramie::detail {

// What the thread's queue says, which is empty afterwards. `ssl` knows why a certificate was refused; it may be null.
// The queue belongs to the thread: a fiber asks before it waits for anything, having called ERR_clear_error() before
// the call that failed.
std::error_code drain_openssl_errors(ssl_st const* ssl) noexcept;

}  // namespace ramie::detail
