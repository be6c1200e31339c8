// upstream [PORT]: what fan_out_fibers and fan_out_coroutines ask: it answers with squares, at once, late or never.
//
// One answer for each line:  N: its square;  N/MS: the same after so many milliseconds;  hang: none;  drop: it closes;
// anything else: ?
#include "../ports/server_process.hpp"
#include "../support/port_argument.hpp"
#include "line_reader.hpp"

#include <ramie/ramie.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace {

constexpr std::size_t longest_line = 64;

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

std::string answer(std::string_view question) {
    auto const slash = question.find('/');
    auto const base = number(question.substr(0, slash));
    auto const delay = slash == question.npos ? std::optional(0u) : number(question.substr(slash + 1));
    if (!base || !delay) return "?\n";
    if (*delay > 0) ramie::this_fiber::sleep_for(std::chrono::milliseconds(*delay));
    return std::to_string(std::uint64_t{*base} * *base) + "\n";
}

void serve(ramie::tcp_stream client) {
    line_reader lines(client, longest_line);
    while (auto const question = lines.next()) {
        if (*question == "drop") return;
        if (*question == "hang") {
            while (lines.next()) {}  // until the client gives up
            return;
        }
        if (!client.write_all(answer(*question))) return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    auto const port = port_argument(argc, argv);
    return ramie::run([port] {
        auto listener = ramie::tcp_listener::bind("127.0.0.1", port);
        if (!listener) return server_process::cannot_listen(port, listener.error());
        server_process::stop_on_signal(listener->native_handle());
        server_process::say_ready(listener->local_port());
        for (;;) {
            auto client = listener->accept();
            if (!client) return server_process::stopped(client.error());
            ramie::spawn(serve, std::move(*client)).detach();
        }
    });
}
