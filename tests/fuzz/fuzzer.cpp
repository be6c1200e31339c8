// libFuzzer's way to a target: RAMIE_FUZZ_TARGET.
#include "target.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    ramie::fuzz::RAMIE_FUZZ_TARGET({reinterpret_cast<char const*>(data), size});
    return 0;
}
