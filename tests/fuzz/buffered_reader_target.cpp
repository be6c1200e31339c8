#include "target.hpp"

#include <ramie/buffered_reader.hpp>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace ramie::fuzz {

namespace {

// Gives its bytes in pieces; some reads fail.
class source {
  public:
    source(std::string_view bytes, input sizes) : left_(bytes), sizes_(sizes) {}
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        require(!into.empty(), "it asks for nothing");
        auto const most = sizes_.number();
        if (most == 255) return std::unexpected(std::make_error_code(std::errc::interrupted));
        auto const part = left_.take(std::min<std::size_t>(into.size(), most + 1));
        std::memcpy(into.data(), part.data(), part.size());
        return part.size();
    }

  private:
    input left_, sizes_;
};

std::string_view text(std::span<std::byte const> bytes) { return {reinterpret_cast<char const*>(bytes.data()), bytes.size()}; }

// The reader beside what is left to come out of it. An error of the source ends an operation, and loses nothing.
class checked {
  public:
    checked(std::string_view bytes, input sizes, std::size_t capacity) : left_(bytes), reader_(source(bytes, sizes), capacity) {}

    // False: there is no more.
    bool step(input& orders) {
        auto const what = orders.number() % 8;
        auto const n = orders.number();
        switch (what) {
            case 0: return pieces('\n', n, true);
            case 1: return pieces(static_cast<char>(n), 64, false);
            case 2: return read(n);
            case 3: return exactly(n);
            case 4: return ahead(n);
            case 5: return filled();
            case 6: return all(n);
            default: return taken(n);
        }
    }

  private:
    bool pieces(char delimiter, std::size_t limit, bool lines) {
        std::string piece = "before";
        auto const got = lines ? reader_.read_line(piece, limit) : reader_.read_until(delimiter, piece, limit);
        auto const at = left_.substr(0, limit).find(delimiter);
        if (!got) {
            require(piece == "before", "a piece that was not read has changed");
            if (got.error() == stream_errc::too_long) require(at == left_.npos && left_.size() >= limit, "it is not too long");
            return true;
        }
        auto const size = at == left_.npos ? left_.size() : at + 1;
        require(at != left_.npos || left_.size() < limit || limit == 0, "it is too long");
        auto expected = left_.substr(0, size);
        if (lines && expected.ends_with('\n')) expected.remove_suffix(expected.ends_with("\r\n") ? 2 : 1);
        require(piece == expected && *got == (size > 0), "another piece");
        left_.remove_prefix(size);
        return *got;
    }
    bool read(std::size_t n) {
        std::vector<char> into(n);
        auto const got = reader_.read(std::span(into));
        if (!got) return true;
        require((*got > 0) == (n > 0 && !left_.empty()), "the end comes too early, or too late");
        came({into.data(), *got});
        return *got > 0;
    }
    bool exactly(std::size_t n) {
        std::vector<char> into(n);
        auto const got = reader_.read_exactly(std::span(into));
        auto const done = got ? *got : got.error().done;
        if (!got && got.error().code == stream_errc::unexpected_end) require(left_.size() == done && done < n, "the end comes too early");
        require(!got || done == n, "not all of it");
        came({into.data(), done});
        return got.has_value();
    }
    bool ahead(std::size_t n) {
        auto const got = reader_.peek(n);
        if (!got) return true;
        require(left_.starts_with(text(*got)), "it sees what does not come");
        require(got->size() >= std::min(n, left_.size()), "it sees less than there is");
        return true;
    }
    bool filled() {
        auto const got = reader_.fill_buf();
        if (!got) return true;
        require(left_.starts_with(text(*got)), "it holds what does not come");
        require(got->empty() == left_.empty(), "the end comes too early, or too late");
        return !got->empty();
    }
    bool all(std::size_t limit) {
        std::string into;
        auto const got = reader_.read_to_end(into, limit);
        auto const done = got ? *got : got.error().done;
        require(done == into.size() && done <= limit, "another number");
        if (got) require(done == left_.size(), "the end comes too early");
        else if (got.error().code == stream_errc::too_long) require(done == limit && left_.size() > limit, "it is not too long");
        came(into);
        return !got;
    }
    bool taken(std::size_t n) {
        auto const held = std::string(text(reader_.buffer()));
        require(left_.starts_with(held), "it holds what does not come");
        bool refused = false;
        try {
            reader_.consume(n);
        } catch (std::out_of_range const&) { refused = true; }
        require(refused == (n > held.size()), "it takes more than there is, or less");
        if (!refused) left_.remove_prefix(n);
        return true;
    }
    void came(std::string_view bytes) {
        require(left_.starts_with(bytes), "other bytes");
        left_.remove_prefix(bytes.size());
    }

    std::string_view left_;
    ramie::buffered_reader<source> reader_;
};

}  // namespace

// The capacity; sizes of pieces; orders; and the bytes.
void buffered_reader(std::string_view bytes) {
    input all(bytes);
    auto const capacity = all.number() + 1;
    input const sizes(all.take(16));
    input orders(all.take(32));
    checked reader(all.rest(), sizes, capacity);
    while (!orders.empty() && reader.step(orders)) {}
}

}  // namespace ramie::fuzz
