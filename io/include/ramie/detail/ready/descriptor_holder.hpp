// The base of every socket and pipe: the owner of one descriptor that a runtime watches.
#pragma once

#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/ready/owned_descriptor.hpp>

#include <expected>
#include <system_error>
#include <utility>

namespace ramie::detail {

class descriptor_holder {
  public:
    // Closes it; waiting calls return at once. Does not wait. May be called again, and by any fiber or thread.
    void close() noexcept { descriptor_.close(); }
    // The descriptor, non-blocking; -1 once closed. This object still owns it.
    int native_handle() const noexcept { return descriptor_.fd(); }

  protected:
    explicit descriptor_holder(owned_descriptor d) noexcept : descriptor_(std::move(d)) {}
    descriptor_holder(descriptor_holder&&) noexcept = default;
    descriptor_holder& operator=(descriptor_holder&&) noexcept = default;
    ~descriptor_holder() = default;

    owned_descriptor descriptor_;

  private:
    friend owned_descriptor const& descriptor_in(descriptor_holder const& h) noexcept { return h.descriptor_; }
};

// A socket that owns the descriptor, or the error why there is none.
template <class T>
std::expected<T, std::error_code> owner_of(std::expected<owned_descriptor, std::error_code> d) noexcept {
    if (!d) return std::unexpected(d.error());
    return access::make<T>(std::move(*d));
}

}  // namespace ramie::detail
