#include <ramie/random.hpp>

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/simulation/stage.hpp>

#include <cerrno>
#include <system_error>

#include <sys/random.h>

namespace ramie {

namespace {

// Opaque, because it reads errno.
RAMIE_NOIPA std::uint64_t of_the_system() {
    std::uint64_t bits = 0;
    while (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {
        if (errno != EINTR) throw std::system_error(errno, std::system_category(), "ramie: getrandom");
    }
    return bits;
}

}  // namespace

random_source::result_type random_source::operator()() const {
    if (auto* const on = detail::this_stage()) return on->choices.random();
    return of_the_system();
}

// The numbers from `surplus` on are a multiple of n.
std::uint64_t random_source::below(std::uint64_t n) const {
    if (n <= 1) return 0;
    auto const surplus = (0 - n) % n;
    for (;;) {
        if (auto const bits = (*this)(); bits >= surplus) return bits % n;
    }
}

}  // namespace ramie
