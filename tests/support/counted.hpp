// A value that counts how often it was copied and moved on its way.
#pragma once

#include <compare>
#include <ostream>

namespace ramie::testing {

struct made {
    int copies = 0, moves = 0;
    friend bool operator==(made, made) = default;
    friend std::ostream& operator<<(std::ostream& out, made m) {
        return out << m.copies << " copies, " << m.moves << " moves";
    }
};

struct counted {
    counted() = default;
    counted(counted const& other) noexcept : so_far{other.so_far.copies + 1, other.so_far.moves} {}
    counted(counted&& other) noexcept : so_far{other.so_far.copies, other.so_far.moves + 1} {}
    counted& operator=(counted const&) = delete;
    made so_far;
};

}  // namespace ramie::testing
