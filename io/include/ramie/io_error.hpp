// Errors of input and output. One step fails with a std::error_code: the system's own, or a stream_errc. An operation
// of many steps fails with an io_error, which also has the number of bytes done.
//
// Two system codes have a meaning of their own here:
//   bad_file_descriptor  the operation began after close(), or on an object that was moved from
//   operation_canceled   close() came while it was under way, or the runtime that watches the descriptor is gone
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstddef>
#include <string>
#include <system_error>
#include <type_traits>

namespace ramie {

enum class stream_errc {
    unexpected_end = 1,  // the stream ended before all bytes asked for had come
    descriptors_lost,    // more descriptors came with the data than were asked for, or than the process has room for
    too_long             // the limit was reached before the end that was looked for
};

RAMIE_API std::error_category const& stream_category() noexcept;
inline std::error_code make_error_code(stream_errc e) noexcept { return {static_cast<int>(e), stream_category()}; }

struct io_error {
    std::error_code code;
    std::size_t done = 0;  // bytes that were read or written before the error

    std::string message() const { return code.message(); }
    operator std::error_code() const noexcept { return code; }
    friend bool operator==(io_error const&, io_error const&) = default;
};

}  // namespace ramie

template <>
struct std::is_error_code_enum<ramie::stream_errc> : std::true_type {};
