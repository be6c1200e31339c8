#include "ground/raw_text.hpp"

#include <cerrno>

#include <unistd.h>

namespace ramie::detail {

raw_text& raw_text::operator<<(std::string_view text) noexcept {
    size_ += text.copy(text_.data() + size_, text_.size() - size_);
    return *this;
}

raw_text& raw_text::operator<<(std::uint64_t number) noexcept {
    std::array<char, 20> digits;
    auto first = digits.size();
    do {
        digits[--first] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return *this << std::string_view(&digits[first], digits.size() - first);
}

void raw_text::write_to_stderr() noexcept {
    if (size_ == text_.size()) text_.back() = '\n';
    auto const saved = errno;
    for (std::size_t done = 0; done < size_;) {
        auto const n = ::write(STDERR_FILENO, &text_[done], size_ - done);
        if (n > 0) done += static_cast<std::size_t>(n);
        else if (n == 0 || errno != EINTR) break;
    }
    errno = saved;
}

}  // namespace ramie::detail
