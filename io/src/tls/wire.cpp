#include "tls/wire.hpp"

#include <openssl/bio.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace ramie::detail {

// OpenSSL calls these, so no exception may leave them.
struct tls_wire::bio_calls {
    static tls_wire& wire(BIO* b) noexcept { return *static_cast<tls_wire*>(::BIO_get_data(b)); }

    static int read(BIO* b, char* into, std::size_t size, std::size_t* count) noexcept {
        auto& from = wire(b).unread_;
        *count = std::min(size, from.size());
        BIO_clear_retry_flags(b);
        if (*count == 0) {
            BIO_set_retry_read(b);  // more may come
            return 0;
        }
        std::memcpy(into, from.data(), *count);
        from = from.subspan(*count);
        return 1;
    }

    static int write(BIO* b, char const* from, std::size_t size, std::size_t* count) noexcept {
        auto& w = wire(b);
        auto const bytes = std::as_bytes(std::span(from, size));
        *count = 0;
        BIO_clear_retry_flags(b);
        try {
            w.unsent_.insert(w.unsent_.end(), bytes.begin(), bytes.end());
        } catch (std::bad_alloc const&) {
            w.short_of_memory_ = true;
            return 0;
        }
        *count = size;
        return 1;
    }

    static long control(BIO* b, int what, long, void*) noexcept {
        switch (what) {
        case BIO_CTRL_FLUSH: return 1;  // the owner of the wire sends
        case BIO_CTRL_PENDING: return static_cast<long>(wire(b).unread());
        case BIO_CTRL_WPENDING: return static_cast<long>(wire(b).unsent());
        default: return 0;
        }
    }

    static BIO_METHOD* make() noexcept {
        auto* const m = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ramie's wire");
        if (m == nullptr) return nullptr;
        ::BIO_meth_set_read_ex(m, &read);
        ::BIO_meth_set_write_ex(m, &write);
        ::BIO_meth_set_ctrl(m, &control);
        return m;
    }
};

bool tls_wire::connect(SSL* ssl) {
    static BIO_METHOD* const method = bio_calls::make();  // never freed: connections may exist until the process ends
    auto* const bio = method == nullptr ? nullptr : ::BIO_new(method);
    if (bio == nullptr) return false;
    ::BIO_set_data(bio, this);
    ::BIO_set_init(bio, 1);
    ::SSL_set_bio(ssl, bio, bio);  // for both directions, with the one reference
    return true;
}

}  // namespace ramie::detail
