// The routes of the ported server: what each request asks for. Pure: text in, a plan out.
#pragma once

#include <http_parser.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace http {

namespace limits {
inline constexpr std::uint64_t file_bytes = 64 * 1024 * 1024;
inline constexpr std::uint64_t sleep_ms = 10'000;
inline constexpr std::uint64_t cpu_us = 1'000'000;
}  // namespace limits

// What is to be done for one request.
struct reply {
    int status = 200;
    std::string_view text{};            // the body, or
    std::uint64_t filler = 0;           // this many bytes of it
    std::chrono::milliseconds pause{};  // wait first: the server's job, for each variant waits in its own way
    std::chrono::microseconds work{};   // compute first: done inside answer()
    bool head_only = false;
    bool keep_alive = true;

    [[nodiscard]] bool is_slow() const { return pause.count() > 0 || work.count() > 0; }
};

// Uses `time` of processor time. Not wall time: what a request costs must not shrink when its thread is preempted.
inline void compute(std::chrono::microseconds time) {
    auto const used = [] {
        timespec now{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
    };
    auto const end = used() + time;
    while (used() < end) {
        for (int i = 0; i < 500; ++i)
            asm volatile("");  // keeps the loop; reading the clock is a system call, too dear for every turn
    }
}

// The value of `name` in a query string, if it is there and a number up to `limit`.
inline std::optional<std::uint64_t> number_in(std::string_view query, std::string_view name, std::uint64_t limit) {
    while (!query.empty()) {
        auto const pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (!pair.starts_with(name) || !pair.substr(name.size()).starts_with('=')) continue;
        auto const digits = pair.substr(name.size() + 1);
        std::uint64_t value = 0;
        auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (error == std::errc{} && end == digits.data() + digits.size() && value <= limit) return value;
        return {};
    }
    return {};
}

// The routes.
inline reply route(http_method method, std::string_view target) {
    if (method != HTTP_GET && method != HTTP_HEAD)
        return {.status = 405, .text = "only GET and HEAD are served here\n"};

    http_parser_url url;
    http_parser_url_init(&url);
    if (http_parser_parse_url(target.data(), target.size(), false, &url) != 0)
        return {.status = 400, .text = "bad request target\n"};
    auto const part = [&](http_parser_url_fields field) {
        auto const& where = url.field_data[field];
        return target.substr(where.off, where.len);  // an absent part is empty
    };
    auto const path = part(UF_PATH);
    auto const query = part(UF_QUERY);

    if (path == "/" || path.empty()) return {.text = "Hello, world!\n"};
    if (path == "/file") {
        if (auto const bytes = number_in(query, "n", limits::file_bytes)) return {.filler = *bytes};
        return {.status = 400, .text = "/file?n=BYTES, at most 67108864\n"};
    }
    if (path == "/sleep") {
        if (auto const ms = number_in(query, "ms", limits::sleep_ms))
            return {.text = "slept\n", .pause = std::chrono::milliseconds(*ms)};
        return {.status = 400, .text = "/sleep?ms=N, at most 10000\n"};
    }
    if (path == "/cpu") {
        if (auto const us = number_in(query, "us", limits::cpu_us))
            return {.text = "computed\n", .work = std::chrono::microseconds(*us)};
        return {.status = 400, .text = "/cpu?us=N, at most 1000000\n"};
    }
    return {.status = 404, .text = "try /, /file?n=BYTES, /sleep?ms=N or /cpu?us=N\n"};
}

}  // namespace http
