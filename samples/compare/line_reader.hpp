// Lines from a Ramie stream. (Asio has async_read_until.)
#pragma once

#include <ramie/tcp.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

class line_reader {
  public:
    // A line and its end may be `longest` bytes.
    line_reader(ramie::tcp_stream& from, std::size_t longest) : from_(from), longest_(longest) {}

    // The next line without its end; empty: the stream has ended or failed, or the line is too long. Suspension point.
    std::optional<std::string> next() {
        for (;;) {
            if (auto const end = kept_.find('\n'); end != std::string::npos) {
                auto line = kept_.substr(0, end);
                kept_.erase(0, end + 1);
                return line;
            }
            std::array<char, 512> piece;
            auto const room = std::min(piece.size(), longest_ - kept_.size());
            auto const got = from_.read(std::span(piece).first(room));
            if (!got || *got == 0) return {};  // also without room
            kept_.append(piece.data(), *got);
        }
    }

  private:
    ramie::tcp_stream& from_;
    std::size_t longest_;
    std::string kept_;
};
