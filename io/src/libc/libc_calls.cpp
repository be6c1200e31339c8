#include "libc/libc_calls.hpp"

namespace ramie::detail {

namespace {
constinit libc_calls const by_name = {
#define RAMIE_CALL(name) &::name,
    RAMIE_LIBC_CALLS(RAMIE_CALL)
    RAMIE_MORE_LIBC_CALLS(RAMIE_CALL)
    RAMIE_CALL(fcntl)
    RAMIE_CALL(openat)
#undef RAMIE_CALL
};
}  // namespace

constinit std::atomic<libc_calls const*> libc_in_use{&by_name};

}  // namespace ramie::detail
