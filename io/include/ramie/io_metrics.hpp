// Counts of input and output, for the whole process.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstdint>

namespace ramie {

struct io_metrics {
    // How often an accept had to wait because of a shortage of descriptors or of memory.
    std::uint64_t accept_pauses = 0;
};

RAMIE_API io_metrics io_statistics() noexcept;

}  // namespace ramie
