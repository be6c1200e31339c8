// write_all() as a member, for every class that has write(std::span<std::byte const>).
#pragma once

#include <ramie/write_all.hpp>

namespace ramie::detail {

template <class Self>
class whole_writing {
  public:
    // Writes all of it; `done` is right also after an abort. Suspension point.
    std::expected<std::size_t, io_error> write_all(std::span<std::byte const> from, std::size_t& done) {
        return ramie::write_all(static_cast<Self&>(*this), from, done);
    }
    std::expected<std::size_t, io_error> write_all(std::string_view from, std::size_t& done) {
        return ramie::write_all(static_cast<Self&>(*this), from, done);
    }
    std::expected<std::size_t, io_error> write_all(std::span<std::byte const> from) {
        return ramie::write_all(static_cast<Self&>(*this), from);
    }
    std::expected<std::size_t, io_error> write_all(std::string_view from) {
        return ramie::write_all(static_cast<Self&>(*this), from);
    }
};

}  // namespace ramie::detail
