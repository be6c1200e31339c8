#include <ramie/detail/simulation/event_log.hpp>

#include <algorithm>
#include <cstdio>

namespace ramie::detail {

void event_log::add(std::chrono::nanoseconds since_start, std::string_view what) {
    if (last_.size() < kept_lines) last_.emplace_back();
    auto& line = last_[count_ % kept_lines];
    ++count_;
    constexpr std::int64_t second = 1'000'000'000;
    char head[64];
    auto const size = std::snprintf(head, sizeof head, "%7llu %5lld.%09lld  ", static_cast<unsigned long long>(count_),
                                    static_cast<long long>(since_start.count() / second),
                                    static_cast<long long>(since_start.count() % second));
    line.assign(head, static_cast<std::size_t>(size));
    line += what;
    // A line stays one line.
    std::replace(line.begin(), line.end(), '\n', ' ');
    line += '\n';
    for (auto const c : line) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01b3;
    if (keeps_all_) all_ += line;
}

std::string event_log::last() const {
    std::string lines;
    auto const first = count_ < kept_lines ? 0 : count_ % kept_lines;
    for (std::size_t i = 0; i < last_.size(); ++i) lines += last_[(first + i) % last_.size()];
    return lines;
}

}  // namespace ramie::detail
