// The choices of a simulated run: which task is next, how long a turn or a message takes, what fails.
//
// Choice number i has a value that follows from the seed and i alone, by the arithmetic in this file: no generator or
// distribution of a standard library, whose results differ between libraries. So any single choice can be taken back
// to its plainest value, 0, without a change of the others' values: that is how a failing run is shrunk. A schedule is
// a seed and, for a shrunk run, the choices that keep the seed's value; all others are 0.
#pragma once

#include <ramie/detail/ground/api.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ramie::detail {

struct schedule {
    std::uint64_t seed = 0;
    // In rising order. None: all choices are the seed's.
    std::optional<std::vector<std::uint32_t>> kept = {};

    // "42", or "42:3,17,18" for a shrunk one: as in RAMIE_SIM_SEED.
    std::string text() const;
    // None: not of that form.
    static std::optional<schedule> parse(std::string_view text);
};

class decisions {
  public:
    explicit decisions(schedule by) : by_(std::move(by)) {}

    // One of 0 to n - 1. 0 is what needs the least explanation: the oldest task, no delay, no failure. n > 0.
    RAMIE_API std::uint32_t choose(std::uint32_t n);
    // True once in `n` on average.
    bool once_in(std::uint32_t n) { return choose(n) == n - 1; }
    // A number for the program itself (random.hpp). It is no choice: shrinking leaves it as it is.
    std::uint64_t random() noexcept { return mixed(by_.seed, ++drawn_, of_program); }

    // The choices so far, and those among them that were not 0.
    std::uint32_t count() const noexcept { return count_; }
    std::vector<std::uint32_t> const& notable() const noexcept { return notable_; }
    schedule const& by() const noexcept { return by_; }

  private:
    enum stream : std::uint64_t { of_schedule = 0x9e37'79b9'7f4a'7c15, of_program = 0xd1b5'4a32'd192'ed03 };
    RAMIE_API static std::uint64_t mixed(std::uint64_t seed, std::uint64_t number, stream s) noexcept;
    bool is_kept(std::uint32_t number) noexcept;

    schedule by_;
    std::uint32_t count_ = 0;
    std::size_t next_kept_ = 0;
    std::uint64_t drawn_ = 0;
    std::vector<std::uint32_t> notable_;
};

}  // namespace ramie::detail
