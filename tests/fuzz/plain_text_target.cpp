#include "target.hpp"

#include "dump/plain_text.hpp"

namespace ramie::fuzz {

namespace {

// What a terminal takes for a command, or for no text at all.
void require_plain(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        auto const byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
        auto const first = byte(i);
        require(first >= 0x20 && first != 0x7f, "a control byte");
        std::size_t const more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        require(first < 0x80 || (first >= 0xc2 && first <= 0xf4), "no UTF-8: it begins so");
        for (std::size_t k = 1; k <= more; ++k) require((byte(i + k) & 0xc0) == 0x80, "no UTF-8: it does not go on");
        require(first != 0xc2 || byte(i + 1) >= 0xa0, "a control character of the upper range");
        i += more + 1;
    }
}

}  // namespace

// How much of it, and a name.
void plain_text(std::string_view bytes) {
    input all(bytes);
    auto const most = all.number();
    auto const name = all.rest();
    auto const quoted = detail::quoted(name, most);
    require(quoted.size() >= 2 && quoted.front() == '"' && quoted.back() == '"', "it has no quotes");
    require_plain(quoted);
    require_plain(detail::escaped(name, most));
}

}  // namespace ramie::fuzz
