#include <ramie/io_error.hpp>

namespace ramie {

std::error_category const& stream_category() noexcept {
    static class final : public std::error_category {
        char const* name() const noexcept override { return "ramie.stream"; }
        std::string message(int value) const override {
            return value == static_cast<int>(stream_errc::unexpected_end) ? "the stream ended before all had come"
                                                                          : "unknown stream error";
        }
    } const category;
    return category;
}

}  // namespace ramie
