// What happened in a simulated run, a line for each event:
//     number, virtual time since the start in seconds, what happened
// A line has no address, no thread, no real time and nothing in the order of a hash, so that the same seed gives the
// same bytes, on another machine too.
#pragma once

#include <ramie/detail/ground/api.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ramie::detail {

class event_log {
  public:
    static constexpr std::size_t kept_lines = 100;

    // `whole`: keep all lines, not only the last ones.
    explicit event_log(bool whole) : keeps_all_(whole) {}

    RAMIE_API void add(std::chrono::nanoseconds since_start, std::string_view what);

    std::uint64_t count() const noexcept { return count_; }
    // FNV-1a of all lines with their ends.
    std::uint64_t digest() const noexcept { return digest_; }
    // All lines; empty unless they are kept.
    std::string const& whole() const noexcept { return all_; }
    // The last 100 at most.
    std::string last() const;

  private:
    bool const keeps_all_;
    std::uint64_t count_ = 0;
    std::uint64_t digest_ = 0xcbf2'9ce4'8422'2325;
    std::vector<std::string> last_;  // a ring
    std::string all_;
};

}  // namespace ramie::detail
