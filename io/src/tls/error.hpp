// From OpenSSL's error queue to error codes.
#pragma once

#include <ramie/tls_error.hpp>

struct ssl_st;

namespace ramie::detail {

// The error in the thread's queue; empties the queue. `ssl` knows why a certificate was refused; it may be null. The
// queue belongs to the thread: so call ERR_clear_error() before the call that may fail, and this before the fiber waits
// for anything.
std::error_code drain_openssl_errors(ssl_st const* ssl) noexcept;

}  // namespace ramie::detail
