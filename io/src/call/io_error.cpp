#include <ramie/io_error.hpp>

namespace ramie {

std::error_category const& stream_category() noexcept {
    static class final : public std::error_category {
        char const* name() const noexcept override { return "ramie.stream"; }
        std::string message(int value) const override {
            switch (static_cast<stream_errc>(value)) {
                case stream_errc::unexpected_end: return "the stream ended before all had come";
                case stream_errc::too_long: return "more than the limit came before the end of it";
                case stream_errc::descriptors_lost: return "more descriptors came than could be taken";
            }
            return "unknown stream error";
        }
    } const category;
    return category;
}

}  // namespace ramie
