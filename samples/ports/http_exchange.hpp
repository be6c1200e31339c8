// The HTTP half of the ported server: bytes in, requests out, answers back. It knows no sockets; all variants share it.
//
// Each connection owns one `exchange`. The server moves bytes and waits; the exchange says what the bytes mean:
//
//     read -> feed() -> ( next() -> answer() )* -> output()* -> write
//
// The parser pauses at the end of every request. So pipelined requests are answered one by one and in order, and
// nothing piles up but one bounded buffer of answers: when it is full, or before an answer that takes its time, the
// server writes out what it has.
//
// Limits: a target of 2 KiB, headers of 80 KiB (http-parser's own bound). Request bodies are read and dropped.
#pragma once

#include "http_routes.hpp"

#include <http_parser.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace http {

inline constexpr std::size_t input_size = 4096;        // what one read may bring
inline constexpr std::size_t output_size = 16 * 1024;  // answers held back while pipelined requests are parsed
inline constexpr std::size_t target_size = 2048;

class exchange {
  public:
    exchange() {
        http_parser_init(&parser_, HTTP_REQUEST);
        parser_.data = this;
    }
    exchange(exchange const&) = delete;  // the parser points back here
    exchange& operator=(exchange const&) = delete;

    // Takes what was read. `bytes` must stay valid until next() has returned nothing.
    void feed(std::span<std::byte const> bytes) { unread_ = bytes; }

    // What to do for the next complete request; nothing when more bytes are needed or the connection is to be closed.
    [[nodiscard]] std::optional<reply> next();

    // Appends the answer to the output, computing first if that was asked for. The pause is the caller's to wait out.
    void answer(reply const& reply) {
        if (reply.work.count() > 0) compute(reply.work);
        open_ = open_ && reply.keep_alive;
        auto const length = reply.text.size() + reply.filler;
        append_head(reply, length);
        if (reply.head_only) return;
        out_ += reply.text;
        if (reply.filler <= small_filler)
            out_.append(static_cast<std::size_t>(reply.filler), 'x');
        else
            filler_ = reply.filler;
    }

    // The next bytes to write, valid until the next call of anything here; empty when all is out.
    [[nodiscard]] std::span<std::byte const> output() {
        drop_written();
        if (!out_.empty()) {
            written_ = true;
            return std::as_bytes(std::span(out_));
        }
        auto const count = std::min<std::uint64_t>(filler_, filler_block.size());
        filler_ -= count;
        return std::as_bytes(std::span(filler_block)).first(static_cast<std::size_t>(count));
    }

    // True when the output must be written before the next request is asked for.
    [[nodiscard]] bool is_full() const { return filler_ > 0 || out_.size() >= output_size; }

    // Where the request that is being read is: for the server's limits.
    [[nodiscard]] bool is_in_request() const { return in_request_; }
    [[nodiscard]] bool has_header() const { return in_request_ && has_header_; }

    // False once an answer has said that the connection is closed after it.
    [[nodiscard]] bool is_open() const { return open_; }

  private:
    static constexpr std::uint64_t small_filler = 4096;  // copied, so that head and body leave in one write
    static constexpr auto filler_block = [] {
        std::array<char, 64 * 1024> block{};
        block.fill('x');
        return block;
    }();

    static constexpr http_parser_settings make_callbacks() {
        http_parser_settings to{};
        to.on_message_begin = [](http_parser* p) { return self(p).begin(); };
        to.on_url = [](http_parser* p, char const* at, std::size_t size) { return self(p).add_target({at, size}); };
        to.on_header_field = [](http_parser* p, char const* at, std::size_t size) {
            return self(p).add_name({at, size});
        };
        to.on_header_value = [](http_parser* p, char const*, std::size_t) { return self(p).end_name(); };
        to.on_headers_complete = [](http_parser* p) { return self(p).end_headers(); };
        to.on_message_complete = [](http_parser* p) { return self(p).end(); };
        return to;
    }
    static exchange& self(http_parser* parser) { return *static_cast<exchange*>(parser->data); }

    int begin() {
        target_.clear();
        expects_continue_ = false;
        in_request_ = true;
        has_header_ = false;
        return 0;
    }
    int add_target(std::string_view piece) {
        if (target_.size() + piece.size() > target_size) return 1;
        target_ += piece;
        return 0;
    }
    int add_name(std::string_view piece) {  // may be a part of a name: bytes arrive as they like
        if (name_ended_) name_.clear();
        name_ended_ = false;
        name_ += piece;
        return 0;
    }
    int end_name() {
        if (!name_ended_ && ::strcasecmp(name_.c_str(), "expect") == 0) expects_continue_ = true;
        name_ended_ = true;
        return 0;
    }
    int end_headers() {
        has_header_ = true;
        parser_.upgrade = 0;  // no other protocol is spoken here, so an offer to change to one is passed over
        if (expects_continue_ && parser_.http_minor > 0) {
            drop_written();
            out_ += "HTTP/1.1 100 Continue\r\n\r\n";
        }
        return 0;
    }
    int end() {
        auto const method = static_cast<http_method>(parser_.method);
        current_ = route(method, target_);
        current_.head_only = method == HTTP_HEAD;
        current_.keep_alive = http_should_keep_alive(&parser_) != 0;
        in_request_ = false;
        http_parser_pause(&parser_, 1);
        return 0;
    }

    // After an error the parser is lost: where the next request begins cannot be known.
    reply refuse(int status, std::string_view text) {
        unread_ = {};
        return {.status = status, .text = text, .keep_alive = false};
    }

    void append_head(reply const& reply, std::uint64_t length) {
        drop_written();
        std::array<char, 20> digits;
        auto const digits_end = std::to_chars(digits.begin(), digits.end(), length).ptr;
        out_ += status_line(reply.status);
        out_ += "Content-Type: text/plain\r\nContent-Length: ";
        out_.append(digits.data(), digits_end);
        out_ += reply.keep_alive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n";
        if (reply.status == 405) out_ += "Allow: GET, HEAD\r\n";
        out_ += "\r\n";
    }
    static constexpr std::string_view status_line(int status) {
        switch (status) {
        case 200: return "HTTP/1.1 200 OK\r\n";
        case 404: return "HTTP/1.1 404 Not Found\r\n";
        case 405: return "HTTP/1.1 405 Method Not Allowed\r\n";
        case 414: return "HTTP/1.1 414 URI Too Long\r\n";
        case 431: return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
        default: return "HTTP/1.1 400 Bad Request\r\n";
        }
    }
    void drop_written() {
        if (written_) out_.clear();  // keeps its memory for the next answer
        written_ = false;
    }

    http_parser parser_{};
    std::span<std::byte const> unread_{};
    std::string target_{};
    std::string name_{};  // of the header being read
    reply current_{};     // for the request whose end was just seen
    std::string out_{};
    std::uint64_t filler_ = 0;  // body bytes still to go out after out_
    bool in_request_ = false;
    bool has_header_ = false;
    bool name_ended_ = false;
    bool expects_continue_ = false;
    bool written_ = false;  // out_ was handed out
    bool open_ = true;
};

inline std::optional<reply> exchange::next() {
    static constexpr auto callbacks = make_callbacks();
    if (unread_.empty() || !open_) return {};
    auto const text = reinterpret_cast<char const*>(unread_.data());
    unread_ = unread_.subspan(http_parser_execute(&parser_, &callbacks, text, unread_.size()));
    switch (HTTP_PARSER_ERRNO(&parser_)) {
    case HPE_OK: return {};
    case HPE_PAUSED: http_parser_pause(&parser_, 0); return current_;
    case HPE_HEADER_OVERFLOW: return refuse(431, "headers too long\n");
    case HPE_CB_url: return refuse(414, "request target too long\n");
    default: return refuse(400, "bad request\n");
    }
}

}  // namespace http
