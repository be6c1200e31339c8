#include <ramie/detail/simulation/decisions.hpp>

#include <charconv>

namespace ramie::detail {

std::string schedule::text() const {
    auto all = std::to_string(seed);
    if (!kept) return all;
    char mark = ':';
    for (auto const each : *kept) {
        all += mark;
        all += std::to_string(each);
        mark = ',';
    }
    if (kept->empty()) all += ':';
    return all;
}

std::optional<schedule> schedule::parse(std::string_view text) {
    auto const* at = text.data();
    auto const* const end = at + text.size();
    auto const number = [&](auto& into) {
        auto const [after, error] = std::from_chars(at, end, into);
        at = after;
        return error == std::errc();
    };
    schedule s;
    if (!number(s.seed)) return std::nullopt;
    if (at == end) return s;
    if (*at++ != ':') return std::nullopt;
    s.kept.emplace();
    while (at != end) {
        std::uint32_t each = 0;
        if (!number(each) || (!s.kept->empty() && each <= s.kept->back())) return std::nullopt;
        s.kept->push_back(each);
        if (at == end) break;
        if (*at++ != ',' || at == end) return std::nullopt;
    }
    return s;
}

// The finishing steps of splitmix64, twice: once over the seed, so that near seeds have nothing in common.
std::uint64_t decisions::mixed(std::uint64_t seed, std::uint64_t number, stream s) noexcept {
    auto const finish = [](std::uint64_t x) {
        x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
        x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
        return x ^ (x >> 31);
    };
    return finish(finish(seed + s) + number * of_schedule);
}

bool decisions::is_kept(std::uint32_t number) noexcept {
    if (!by_.kept) return true;
    auto const& kept = *by_.kept;
    while (next_kept_ < kept.size() && kept[next_kept_] < number) ++next_kept_;
    return next_kept_ < kept.size() && kept[next_kept_] == number;
}

std::uint32_t decisions::choose(std::uint32_t n) {
    if (n <= 1) return 0;
    auto const number = ++count_;
    if (!is_kept(number)) return 0;
    auto const value = static_cast<std::uint32_t>(((mixed(by_.seed, number, of_schedule) >> 32) * n) >> 32);
    if (value != 0) notable_.push_back(number);
    return value;
}

}  // namespace ramie::detail
