// Plain memory: who has read or written each byte, and when, so that a race shows; and memory that was given back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ramie::model::plain {

// For a new run.
void forget_all() noexcept;
void accessed(void const* at, std::size_t bytes, bool written) noexcept;
// Whoever touches it from now on does so after its end. It counts as a write.
void given_back(void const* at, std::size_t bytes) noexcept;
// Fresh memory of this run; what was known of it is forgotten.
void handed_out(void const* at, std::size_t bytes) noexcept;

}  // namespace ramie::model::plain
